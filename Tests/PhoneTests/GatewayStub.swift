import Base
import Capture
import SDP
import Telephony

@testable import Phone

/// The called side of a SIP call, as simple as a test needs it: a message in, messages out.
struct GatewayStub {
  enum Manner: Equatable {
    case answers
    case rings
    case refuses(Int)
    /// 407 until the password is right; 403 after the second wrong try.
    case asksPassword(String)
    case isSilent
  }

  var manner: Manner
  /// The description's media address.
  var media: Endpoint
  private(set) var invites: [SIPMessage] = []
  private(set) var requests: [String] = []
  private var exchange: OfferAnswer?
  private var wrongTries = 0
  private var pending: SIPMessage?

  init(_ manner: Manner, media: Endpoint = Endpoint(.loopbackV4, 20_000)) {
    self.manner = manner
    self.media = media
  }

  var agreed: NegotiatedMedia? { exchange?.negotiated }

  mutating func receive(_ request: SIPMessage) -> [SIPMessage] {
    guard let method = request.method else { return [] }
    requests.append(method)
    guard manner != .isSilent else { return [] }
    switch method {
    case "INVITE": return invite(request)
    case "ACK":
      if !request.body.isEmpty, let answer = try? SessionDescription(parsing: request.body) {
        _ = try? exchange?.accept(answer: answer)
      }
      return []
    case "CANCEL":
      guard let pending else { return [response(request, 481)] }
      return [response(request, 200), response(pending, 487)]
    default: return [response(request, 200)]
    }
  }

  /// A BYE as the gateway would send it.
  func bye(reason: String) -> SIPMessage? {
    guard let invite = invites.last else { return nil }
    return SIPMessage(
      startLine: "BYE sip:caller@127.0.0.1 SIP/2.0",
      headers: [
        .init("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKgateway"),
        .init("From", "\(invite.value("To") ?? "");tag=SCL_stub"),
        .init("To", invite.value("From") ?? ""), .init("Call-ID", invite.callID ?? ""), .init("CSeq", "1 BYE"),
        .init("Reason", reason), .init("Content-Length", "0"),
      ])
  }

  private mutating func invite(_ request: SIPMessage) -> [SIPMessage] {
    invites.append(request)
    switch manner {
    case .isSilent: return []
    case .refuses(let status): return [response(request, status)]
    case .rings:
      pending = request
      return [response(request, 100), response(request, 180), response(request, 180)]
    case .asksPassword(let password):
      if let header = request.value("Proxy-Authorization") {
        if isRight(header, password) { return answer(request) }
        wrongTries += 1
      }
      guard wrongTries < 2 else { return [response(request, 403)] }
      var challenge = response(request, 407)
      challenge.headers.append(
        .init("Proxy-Authenticate", "Digest realm=\"r\", nonce=\"n\(wrongTries)\", qop=\"auth\""))
      return [challenge]
    case .answers: return answer(request)
    }
  }

  private func isRight(_ header: String, _ password: String) -> Bool {
    guard let parameters = DigestParameters(header) else { return false }
    var client = DigestClient(username: parameters["username"] ?? "", password: password)
    let challenge = "Digest realm=\"r\", nonce=\"\(parameters["nonce"] ?? "")\", qop=\"auth\""
    let expected = client.answer(
      [challenge], isProxy: true, method: "INVITE", uri: parameters["uri"] ?? "",
      clientNonce: parameters["cnonce"] ?? "")
    return expected?.first.flatMap { DigestParameters($0.value) }?["response"] == parameters["response"]
  }

  private mutating func answer(_ request: SIPMessage) -> [SIPMessage] {
    var exchange = exchange ?? OfferAnswer(local: LocalMedia(endpoint: media), sessionID: 7)
    let description: SessionDescription
    do {
      description =
        request.body.isEmpty ? exchange.makeOffer() : try exchange.answer(SessionDescription(parsing: request.body))
    } catch {
      return [response(request, error.sipStatus)]
    }
    self.exchange = exchange
    var answer = response(request, 200)
    answer.headers.append(.init("Contact", "<sip:127.0.0.1:5060>"))
    answer.headers.append(.init("Content-Type", "application/sdp"))
    answer.setBody(Array(description.description.utf8))
    return request.toTag == nil ? [response(request, 100), response(request, 180), answer] : [answer]
  }

  private func response(_ request: SIPMessage, _ status: Int) -> SIPMessage {
    let kept = ["via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "record-route"]
    var message = SIPMessage(
      startLine: "SIP/2.0 \(status) Phrase", headers: request.headers.filter { kept.contains($0.name.lowercased()) })
    if status > 100 { message.set("To", SIPValue.setting("tag", to: "SCL_stub", in: message.value("To") ?? "")) }
    message.headers.append(.init("Content-Length", "0"))
    return message
  }
}
