import Base
import SIP
import Synchronization

/// An agent on 127.0.0.1 that keeps its events and answers invites as told.
@SIPActor
final class TestAgent {
  enum Policy {
    /// 180, then 200 with `answerSDP`.
    case answer
    /// 180 and nothing more.
    case ring
    case refuse(SIPResponse)
    case drop
    /// Nothing at all.
    case ignore
  }

  nonisolated static let answerSDP = """
    v=0\r
    o=- 1 1 IN IP4 127.0.0.1\r
    s=-\r
    c=IN IP4 127.0.0.1\r
    t=0 0\r
    m=audio 40000 RTP/AVP 0\r
    a=rtpmap:0 PCMU/8000\r\n
    """

  private(set) var agent: SIPAgent?
  private(set) var events: [SIPEvent] = []
  private(set) var invites: [IncomingInvite] = []
  private(set) var inviteCount = 0
  private(set) var terminatedCount = 0
  var policy: Policy
  private var timer: SIPTimer?
  private var waiters: [(predicate: (SIPEvent) -> Bool, resume: CheckedContinuation<SIPEvent, Never>)] = []

  init(_ policy: Policy = .answer, _ configure: (inout SIPAgentConfiguration) -> Void = { _ in }) throws {
    self.policy = policy
    var configuration = SIPAgentConfiguration()
    configuration.listenAddresses = [.loopbackV4]
    configuration.port = 0
    configure(&configuration)
    agent = try SIPAgent(configuration) { [weak self] in self?.handle($0) }
  }

  isolated deinit { agent?.close() }

  var endpoint: Endpoint { agent?.listeners.first?.endpoint ?? Endpoint(.loopbackV4, 0) }
  var statistics: SIPAgentStatistics { agent?.statistics ?? SIPAgentStatistics() }

  /// The first event, past or to come, that fits.
  func event(where predicate: @escaping (SIPEvent) -> Bool) async -> SIPEvent {
    if let event = events.first(where: predicate) { return event }
    return await withCheckedContinuation { waiters.append((predicate, $0)) }
  }

  func place(_ invite: OutgoingInvite) -> InviteID { agent?.invite(invite) ?? InviteID(rawValue: 0) }

  /// Waits until the stack's transactions have run out; a short T1 makes that soon.
  func settle() async {
    while let agent, agent.statistics.transactions > 0 || agent.statistics.liveInvites > 0 {
      guard agent.configuration.t1 < .milliseconds(100) || agent.statistics.liveInvites > 0 else { return }
      await pause()
    }
  }

  func pause() async {
    await withCheckedContinuation { continuation in
      timer = SIPTimer(after: .milliseconds(20)) { continuation.resume() }
    }
  }

  func terminated() async -> SIPTermination? {
    let event = await event { if case .terminated = $0 { true } else { false } }
    if case .terminated(_, let termination) = event { return termination }
    return nil
  }

  /// What a test can look back on; a flood shall measure the agent and not this.
  private static let kept = 200

  private func handle(_ event: SIPEvent) {
    if events.count < Self.kept { events.append(event) }
    switch event {
    case .invite(let invite): receive(invite)
    case .reinvite(let id, _): agent?.respond(to: id, with: SIPResponse(200, "OK", sdp: Self.answerSDP))
    case .terminated: terminatedCount += 1
    default: break
    }
    let fitting = waiters.filter { $0.predicate(event) }
    waiters.removeAll { $0.predicate(event) }
    for waiter in fitting { waiter.resume.resume(returning: event) }
  }

  private func receive(_ invite: IncomingInvite) {
    inviteCount += 1
    if invites.count < Self.kept { invites.append(invite) }
    guard let agent else { return }
    agent.setLocalTag("SCL_\(inviteCount)", of: invite.id)
    switch policy {
    case .answer:
      agent.respond(to: invite.id, with: SIPResponse(180, "Ringing"))
      agent.respond(to: invite.id, with: SIPResponse(200, "OK", sdp: Self.answerSDP))
    case .ring: agent.respond(to: invite.id, with: SIPResponse(180, "Ringing"))
    case .refuse(let response): agent.respond(to: invite.id, with: response)
    case .drop: agent.drop(invite.id)
    case .ignore: break
    }
  }
}
