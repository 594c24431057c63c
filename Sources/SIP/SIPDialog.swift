import Base
import CSofia
import Telephony

/// What the agent knows of one INVITE and the dialog that it makes.
@SIPActor
final class SIPDialog {
  enum State {
    /// The handler is being told; no transaction has been made. Holds the stack's `csofia_request`.
    case arriving(OpaquePointer)
    /// Theirs, without a final answer.
    case ringing
    /// Our 2xx waits for its ACK.
    case answered
    case established
    /// Ours; DNS is asked where it goes.
    case locating
    /// Ours, without a final answer.
    case calling
    /// Ours, CANCEL sent.
    case cancelling
    /// Our BYE waits for its answer.
    case ending
    case ended
  }

  let id: InviteID
  let callID: String
  var state: State
  /// The stack's half; nil before a transaction is made.
  var pointer: OpaquePointer?
  /// Our own: the To-tag of our responses, or the From tag of our INVITE.
  var tag: String
  /// The peer's. Nil until it has sent one.
  var remoteTag: String?
  /// The peer's Contact URI, as last received.
  var remoteTarget: String?
  /// Our Contact value.
  var contact: String
  /// Where the INVITE came from, or where ours goes or was answered from.
  var peer: Endpoint
  var transport: SIPTransport
  /// Headers that a 2xx to the open INVITE or UPDATE repeats: session timer.
  var answerHeaders: [SIPHeader] = []
  var refusalKey: RefusalMemory.Key?
  /// Requests of the peer inside the dialog; ACK and BYE are not counted.
  var budget = TokenBucket(perSecond: 20, burst: 60, now: .now)
  /// A BYE that may not be sent before the ACK has come (RFC 3261 §15); its headers.
  var pendingBye: [SIPHeader]?
  /// Of a call that we place.
  var placing: SIPPlacing?
  /// Our SDP in the open INVITE, for the attempt that answers a challenge.
  var lastSDP = ""
  /// Requests of ours that wait for an answer, by CSeq number; INVITEs apart.
  var openRequests: [UInt32: SIPOpenRequest] = [:]
  var transfer = SIPTransfer()
  /// Ends a call that waits for DNS, or a cancelled one whose INVITE is never answered.
  var timer: SIPTimer?

  init(
    id: InviteID, callID: String, state: State, tag: String, contact: String, peer: Endpoint, transport: SIPTransport
  ) {
    self.id = id
    self.callID = callID
    self.state = state
    self.tag = tag
    self.contact = contact
    self.peer = peer
    self.transport = transport
  }

  var isEstablished: Bool { if case .established = state { true } else { false } }
  var isCalling: Bool { if case .calling = state { true } else { false } }
  var isCancelling: Bool { if case .cancelling = state { true } else { false } }
  var isLocating: Bool { if case .locating = state { true } else { false } }

  func stopTimers() {
    timer?.cancel()
    timer = nil
    placing?.stopTimers()
  }

  /// Tells the stack where requests go now that route set and Contact are known.
  func chooseNextHop() {
    guard let pointer else { return }
    var isRoute = false
    let host = String(stack: csofia_dialog_next_hop_host(pointer, &isRoute)) ?? ""
    let uri = NextHop.override(host: host, isRoute: isRoute, source: peer, transport: transport)
    _ = uri.withStackText { csofia_dialog_set_next_hop(pointer, $0) }
  }

  /// Answers the open INVITE, re-INVITE or UPDATE. False when none is open.
  func send(_ response: SIPResponse) -> Bool {
    guard let pointer else { return false }
    var headers = response.headers
    if response.status > 100, response.status < 300 {
      headers.append(SIPHeader("Allow", RequestPolicy.allow))
      headers.append(SIPHeader("Supported", RequestPolicy.supported))
    }
    if (200..<300).contains(response.status) { headers += answerHeaders }
    return SIPHeader.block(headers).withStackText { headers in
      response.sdp.withStackText { sdp in
        response.reasonPhrase.withCString {
          csofia_dialog_respond(pointer, Int32(response.status), $0, headers, sdp)
        }
      }
    }
  }

  func sendCancel(_ headers: [SIPHeader]) {
    guard let pointer else { return }
    _ = SIPHeader.block(headers).withStackText { csofia_dialog_cancel(pointer, $0) }
  }

  func sendInvite(_ headers: [SIPHeader], sdp: String) -> Bool {
    guard let pointer else { return false }
    lastSDP = sdp
    let all =
      headers + [SIPHeader("Allow", RequestPolicy.allow), SIPHeader("Supported", RequestPolicy.supportedByCaller)]
    return SIPHeader.block(all).withStackText { headers in
      sdp.withCString { csofia_dialog_invite(pointer, headers, $0) }
    }
  }

  /// Sends a request inside the dialog. Its CSeq number; nil when too many are open.
  func send(_ request: SIPOpenRequest, adding credentials: [SIPHeader] = []) -> UInt32? {
    guard let pointer else { return nil }
    let number = SIPHeader.block(request.headers + credentials).withStackText { headers in
      request.contentType.withStackText { type in
        request.body.withStackText { body in
          request.method.withCString { csofia_dialog_request(pointer, $0, headers, type, body) }
        }
      }
    }
    guard number > 0 else { return nil }
    openRequests[number] = request
    return number
  }

  func sendBye(_ headers: [SIPHeader]) -> Bool {
    let isSent = openRequests.values.contains { $0.method == "BYE" }
    return isSent || send(SIPOpenRequest("BYE", headers, credentials: placing?.invite.credentials)) != nil
  }
}

/// A request of ours inside a dialog, kept until its answer for the case that it is challenged.
struct SIPOpenRequest {
  var method: String
  var headers: [SIPHeader]
  var contentType: String?
  var body: String?
  var digest: DigestClient?

  init(
    _ method: String, _ headers: [SIPHeader], contentType: String? = nil, body: String? = nil,
    credentials: SIPCredentials?
  ) {
    self.method = method
    self.headers = headers
    self.contentType = contentType
    self.body = body
    digest = credentials.map { DigestClient(username: $0.username, password: $0.password) }
  }
}
