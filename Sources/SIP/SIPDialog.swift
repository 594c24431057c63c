import Base
import CSofia

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
    /// Ours, without a final answer.
    case calling
    /// Ours, CANCEL sent.
    case cancelling
    /// Our BYE waits for its answer.
    case ending
    case ended
  }

  let id: InviteID
  var state: State
  /// The stack's half; nil before a transaction is made.
  var pointer: OpaquePointer?
  /// To-tag of our responses.
  var tag: String
  /// Our Contact value.
  var contact: String
  /// Where the INVITE came from, or where ours was answered from.
  var peer: Endpoint
  var transport: SIPTransport
  /// Headers that a 2xx to the open INVITE or UPDATE repeats: session timer.
  var answerHeaders: [SIPHeader] = []
  var refusalKey: RefusalMemory.Key?
  /// A BYE that may not be sent before the ACK has come (RFC 3261 §15); its headers.
  var pendingBye: [SIPHeader]?
  var outgoing: OutgoingInvite?
  var authorizations = 0
  var lastSDP: String?
  /// Ends a cancelled call whose INVITE is never answered.
  var timer: SIPTimer?

  init(id: InviteID, state: State, tag: String, contact: String, peer: Endpoint, transport: SIPTransport) {
    self.id = id
    self.state = state
    self.tag = tag
    self.contact = contact
    self.peer = peer
    self.transport = transport
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

  func sendBye(_ headers: [SIPHeader]) -> Bool {
    guard let pointer else { return false }
    return SIPHeader.block(headers).withStackText { csofia_dialog_bye(pointer, $0) }
  }

  func sendCancel(_ headers: [SIPHeader]) {
    guard let pointer else { return }
    _ = SIPHeader.block(headers).withStackText { csofia_dialog_cancel(pointer, $0) }
  }

  func sendInvite(_ headers: [SIPHeader], sdp: String) -> Bool {
    guard let pointer else { return false }
    lastSDP = sdp
    let all = headers + [SIPHeader("Allow", RequestPolicy.allow)]
    return SIPHeader.block(all).withStackText { headers in
      sdp.withCString { csofia_dialog_invite(pointer, headers, $0) }
    }
  }
}
