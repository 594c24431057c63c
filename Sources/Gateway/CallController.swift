import Base
import Configuration
import Linux
import Logging
import MediaCore
import RoomCore
import SIP
import Telephony

/// What reaches calls from other threads, in order.
enum CallControllerInput: Sendable {
  case joined(InviteID, Result<LocalJoin, RoomError>)
  case room(InviteID, CallerRoomEvent)
  case media(MediaEvent)
  /// The call's record is written.
  case ended(InviteID)
}

/// Admits INVITEs and keeps the calls, on the SIP thread.
@SIPActor
final class CallController {
  private let context: CallContext
  private let inbox: AsyncStream<CallControllerInput>.Continuation
  private var agent: SIPAgent?
  private var calls: [InviteID: Call] = [:]
  private var legs: [PhoneLegID: InviteID] = [:]
  private var nextLeg: UInt64 = 1
  private var limiter: SourceLimiter
  private var digest: DigestAuthenticator
  private var isDraining = false
  private var idleWaiters: [CheckedContinuation<Void, Never>] = []
  private var strangers = StrangerLog()

  init(context: CallContext, inbox: AsyncStream<CallControllerInput>.Continuation) {
    self.context = context
    self.inbox = inbox
    let limits = context.configuration.limits
    limiter = SourceLimiter(
      ratePerSecond: limits.invitesPerSecondPerSource, burst: limits.inviteBurstPerSource,
      sourceLimit: limits.trackedSources)
    digest = DigestAuthenticator(key: (0..<32).map { _ in UInt8.random(in: 0...255) })
  }

  var callCount: Int { calls.count }

  /// Binds the SIP ports.
  func listen(_ configuration: SIPAgentConfiguration) throws(SIPAgentError) {
    var configuration = configuration
    configuration.admit = { [weak self] in self?.admit($0) ?? .drop }
    configuration.mayTakePart = { [weak self] id, source in self?.calls[id]?.mayTakePart(source) ?? true }
    agent = try SIPAgent(configuration) { [weak self] in self?.handle($0) }
  }

  // MARK: From the network

  /// The first look at a packet that belongs to no dialog.
  private func admit(_ arrival: SIPArrival) -> SIPAdmission {
    guard limiter.admit(arrival.source.address, now: MonotonicClock.now()) else { return .drop }
    return .allow
  }

  private func handle(_ event: SIPEvent) {
    switch event {
    case .invite(let invite): receive(invite)
    case .reinvite(let id, let request): calls[id]?.reinvited(request)
    case .acknowledged(let id, let sdp): calls[id]?.acknowledged(sdp)
    case .cancelled(let id, _): calls[id]?.handle(.cancelled)
    case .bye(let id, let request): calls[id]?.handle(.bye(reason: request.reason))
    case .terminated(let id, let termination): calls[id]?.handle(.terminated("\(termination)"))
    // Our own side of calls out: this gateway places none.
    case .info, .progress, .answered, .failed, .referAnswered, .referNotified, .referReceived: break
    }
  }

  private func receive(_ invite: IncomingInvite) {
    let callID = GUID.make(prefix: "SCL_")
    let facts = CallFacts(invite, callID: callID)
    let directory = context.directory.current
    let trunk: InboundTrunk?
    switch directory.dispatcher.admit(facts, addresses: directory.addresses) {
    case .trunk(let found): trunk = found
    case .unmatched: trunk = nil
    case .refuse(let refusal): return turnAway(invite, facts, refusal)
    }
    if let refusal = overload { return begin(invite, facts, trunk, directory, .refuse(refusal)) }
    switch authenticate(invite, trunk) {
    case .accepted: begin(invite, facts, trunk, directory, nil)
    case .challenge(let challenges, _):
      let headers = challenges.map { SIPHeader("Proxy-Authenticate", $0) }
      agent?.respond(to: invite.id, with: SIPResponse(407, "Proxy Authentication Required", headers: headers))
    case .refused:
      let sentence = "the credentials for trunk \(trunk?.label ?? "") were wrong twice"
      let refusal = Refusal(.unauthorized, sentence: sentence)
      // Where anyone may knock, whoever fails is a stranger.
      let isOpen = trunk?.allowedAddresses.isEmpty ?? true
      isOpen ? turnAway(invite, facts, refusal) : begin(invite, facts, trunk, directory, .refuse(refusal))
    }
  }

  /// Why no new call can be taken now.
  private var overload: Refusal? {
    if isDraining { return Refusal(.draining) }
    let limit = context.configuration.limits.activeCalls
    return limit > 0 && calls.count >= limit ? Refusal(.atCapacity) : nil
  }

  /// Checks the caller's credentials where the trunk asks for them. A fault is logged; a first INVITE has none yet.
  private func authenticate(_ invite: IncomingInvite, _ trunk: InboundTrunk?) -> DigestVerdict {
    guard let trunk, trunk.requiresDigest else { return .accepted }
    let realm = trunk.authRealm.isEmpty ? context.configuration.sip.realm : trunk.authRealm
    let digestContext = DigestContext(
      username: trunk.authUsername, password: trunk.authPassword, realm: realm,
      uris: [invite.requestURI.description, invite.to.uri.description], source: invite.source.address)
    let verdict = digest.verify(invite.proxyAuthorization, for: digestContext, now: MonotonicClock.now())
    if case .challenge(_, let fault) = verdict, fault != .missing {
      context.log.notice(
        "credentials were not accepted",
        metadata: ["trunk": "\(trunk.label)", "source": "\(invite.source)", "fault": "\(fault.rawValue)"])
    }
    return verdict
  }

  /// Refuses whoever matches no trunk: no call, no record, and little in the log.
  private func turnAway(_ invite: IncomingInvite, _ facts: CallFacts, _ refusal: Refusal) {
    if strangers.shouldLog(now: MonotonicClock.now()) {
      context.log.notice(
        "an INVITE was refused",
        metadata: [
          "reason": "\(refusal.reason.rawValue)", "why": "\(refusal.sentence)", "from": "\(facts.fromUser)",
          "to": "\(facts.toUser)", "source": "\(invite.source)", "unlogged": "\(strangers.takeUnlogged())",
        ])
    }
    if context.configuration.sip.hidesInboundPort, refusal.reason == .noTrunk {
      agent?.drop(invite.id)
    } else {
      agent?.respond(to: invite.id, with: SIPResponse(refusal, warningHost: invite.local.address))
    }
  }

  /// - Parameter outcome: decided already; nil: by the dispatch rules.
  private func begin(
    _ invite: IncomingInvite, _ facts: CallFacts, _ trunk: InboundTrunk?, _ directory: TrunkDirectory.Snapshot,
    _ outcome: DispatchOutcome?
  ) {
    guard let agent else { return }
    let legID = PhoneLegID(rawValue: nextLeg)
    nextLeg += 1
    agent.setLocalTag(facts.callID, of: invite.id)
    let call = Call(
      invite, facts: facts, trunk: trunk, legID: legID, agent: agent, directory: directory, context: context,
      inbox: inbox)
    calls[invite.id] = call
    legs[legID] = invite.id
    call.begin(outcome)
  }

  // MARK: From the gateway's other threads

  /// Handles what rooms and media report, until the stream ends.
  func consume(_ inputs: AsyncStream<CallControllerInput>) async {
    for await input in inputs { receive(input) }
  }

  private func receive(_ input: CallControllerInput) {
    switch input {
    case .joined(let id, let result): calls[id]?.joined(result)
    case .room(let id, let event): calls[id]?.roomReported(event)
    case .media(let event): event.phoneLeg.flatMap { legs[$0] }.flatMap { calls[$0] }?.mediaReported(event)
    case .ended(let id): remove(id)
    }
  }

  private func remove(_ id: InviteID) {
    guard let call = calls.removeValue(forKey: id) else { return }
    legs[call.legID] = nil
    guard calls.isEmpty else { return }
    for waiter in idleWaiters.drain() { waiter.resume() }
  }

  // MARK: The end

  /// New calls get 503 with Retry-After from here on; running ones go on.
  func drain() { isDraining = true }

  /// Ends every call: BYE, or 503 to those that ring.
  func endCalls() {
    isDraining = true
    for call in Array(calls.values) { call.handle(.shutdown) }
  }

  /// Returns when no call is left.
  func waitUntilIdle() async {
    guard !calls.isEmpty else { return }
    await withCheckedContinuation { idleWaiters.append($0) }
  }

  func close() {
    agent?.close()
    agent = nil
  }
}

extension MediaEvent {
  /// The phone leg that the event is about. Nil for what concerns rooms, and for statistics.
  var phoneLeg: PhoneLegID? {
    switch self {
    case .digit(let id, _), .digitsSent(let id), .phoneMediaStarted(let id), .phoneMediaTimedOut(let id),
      .phoneLegClosed(let id, _):
      id
    default: nil
    }
  }
}

extension Array {
  /// Empties the array and returns what was in it.
  fileprivate mutating func drain() -> [Element] {
    defer { self = [] }
    return self
  }
}
