import Base
import SDP
import SIP
import Synchronization

@testable import Phone

/// The called side: an agent and a media thread of its own.
@SIPActor
final class DialCallee {
  enum Manner {
    case answers
    /// Answers, and holds as soon as the ACK is there.
    case holds
    case rings
    case refuses(SIPResponse)
    /// 407 until credentials come.
    case challenges
  }

  nonisolated let media: DialMedia
  private let manner: Manner
  private var agent: SIPAgent?
  private var exchange: OfferAnswer
  private(set) var id: InviteID?
  private(set) var headers: [SIPHeader] = []
  private(set) var from: SIPAddress?
  private(set) var termination: SIPTermination?

  nonisolated let digits = Mutex("")

  init(_ manner: Manner, sound: DialSound = .silence, digits: String = "", codecs: [AudioCodec] = [.pcma, .pcmu]) throws
  {
    self.manner = manner
    media = try DialMedia(on: .loopbackV4, source: sound, digits: digits, packetTimeMilliseconds: 20) { _ in }
    exchange = OfferAnswer(local: LocalMedia(endpoint: media.local, codecs: codecs), sessionID: 1)
    var configuration = SIPAgentConfiguration()
    configuration.listenAddresses = [.loopbackV4]
    configuration.port = 0
    agent = try SIPAgent(configuration) { [weak self] in self?.handle($0) }
  }

  isolated deinit { agent?.close() }

  var uri: String { "sip:+15550199@\(agent?.listeners.first?.endpoint.description ?? "")" }

  func hangUp(reason: String) {
    if let id { agent?.hangUp(id, reason: reason) }
  }

  private func hold() {
    guard let id, exchange.local.direction == .sendRecv else { return }
    exchange.local.direction = .sendOnly
    agent?.reinvite(id, sdp: exchange.makeOffer().description)
  }

  private func handle(_ event: SIPEvent) {
    switch event {
    case .invite(let invite): receive(invite)
    case .acknowledged: if case .holds = manner { hold() }
    case .terminated(_, let termination): self.termination = termination
    default: break
    }
  }

  private func receive(_ invite: IncomingInvite) {
    id = invite.id
    headers = invite.headers
    from = invite.from
    switch manner {
    case .refuses(let response): agent?.respond(to: invite.id, with: response)
    case .challenges where invite.proxyAuthorization.isEmpty:
      let challenge = SIPHeader("Proxy-Authenticate", "Digest realm=\"here\", nonce=\"n\", qop=\"auth\"")
      agent?.respond(to: invite.id, with: SIPResponse(407, "Who Are You", headers: [challenge]))
    case .rings: agent?.respond(to: invite.id, with: SIPResponse(180, "Ringing"))
    case .answers, .holds, .challenges:
      agent?.respond(to: invite.id, with: SIPResponse(180, "Ringing"))
      guard let answer = try? exchange.answer(String(decoding: invite.body, as: UTF8.self)) else {
        agent?.respond(to: invite.id, with: SIPResponse(488, "Not Acceptable Here"))
        return
      }
      if let agreed = exchange.negotiated { media.use(agreed) }
      agent?.respond(to: invite.id, with: SIPResponse(200, "OK", sdp: answer))
    }
  }
}
