import Base
import SIP

/// What moves a call of the test phone.
enum DialEvent: Sendable {
  case sip(SIPEvent)
  case media(DialMediaEvent)
  case ringTimeout
  /// The call has lasted as long as it was to.
  case timeUp
  /// Whoever runs the phone wants it to stop.
  case interrupted
}

/// The SIP side of the test phone: an agent for one call, on the SIP thread.
@SIPActor
final class DialCall {
  private var agent: SIPAgent?
  private var timers: [SIPTimer] = []
  private let tell: @Sendable (DialEvent) -> Void

  init(on address: IPAddress, transport: SIPTransport, tell: @escaping @Sendable (DialEvent) -> Void) throws {
    self.tell = tell
    var configuration = SIPAgentConfiguration()
    configuration.listenAddresses = [address]
    configuration.transports = [transport]
    configuration.port = 0
    configuration.contactUser = "trunkline"
    configuration.userAgent = "Trunkline test phone"
    agent = try SIPAgent(configuration) { [weak self] in self?.handle($0) }
  }

  func place(_ invite: OutgoingInvite, ringTimeout: Duration) -> InviteID? {
    after(ringTimeout, .ringTimeout)
    return agent?.invite(invite)
  }

  func after(_ time: Duration, _ event: DialEvent) {
    let tell = tell
    timers.append(SIPTimer(after: time) { tell(event) })
  }

  func answer(_ id: InviteID, _ response: SIPResponse) { agent?.respond(to: id, with: response) }
  func hangUp(_ id: InviteID) { agent?.hangUp(id) }

  func close() {
    timers = []
    agent?.close()
    agent = nil
  }

  private func handle(_ event: SIPEvent) {
    // The phone makes one call and takes none.
    if case .invite(let invite) = event {
      agent?.respond(to: invite.id, with: SIPResponse(486, "Busy Here"))
    } else {
      tell(.sip(event))
    }
  }
}
