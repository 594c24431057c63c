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
  case joined(PhoneLegID, Result<RoomPlace, JoinFault>, generation: Int)
  case room(PhoneLegID, CallerRoomEvent)
  case media(MediaEvent)
}

/// Admits INVITEs and keeps the calls, on the SIP thread.
@SIPActor
final class CallController {
  let context: CallContext
  let inbox: AsyncStream<CallControllerInput>.Continuation
  private(set) var agent: SIPAgent?
  private var calls: [PhoneLegID: Call] = [:]
  private var invites: [InviteID: PhoneLegID] = [:]
  private var callIDs: [String: PhoneLegID] = [:]
  /// INVITEs whose trunk is being asked for.
  private var arriving: Set<InviteID> = []
  private static let arrivingLimit = 4096
  private var challenged = CallIDMemory()
  private var hidden = HiddenArrivals()
  private var nextLeg: UInt64 = 1
  private var nextBridge: UInt64 = 1 << 63
  /// Calls of ours that carry out a transfer, by the call that is transferred.
  private var targets: [PhoneLegID: Call] = [:]
  private var limits: DialLimits
  private var tickets: [PhoneLegID: DialTicket] = [:]
  private var nextTransfer: TransferRequest.ID = 1
  private var limiter: SourceLimiter
  private var digest: DigestAuthenticator
  private var isDraining = false
  private var idleWaiters: [CheckedContinuation<Void, Never>] = []
  private var strangers = StrangerLog()

  init(context: CallContext, inbox: AsyncStream<CallControllerInput>.Continuation) {
    self.context = context
    self.inbox = inbox
    limits = DialLimits(context.configuration.outbound.rules)
    let limits = context.configuration.limits
    limiter = SourceLimiter(
      ratePerSecond: limits.invitesPerSecondPerSource, burst: limits.inviteBurstPerSource,
      sourceLimit: limits.trackedSources)
    digest = DigestAuthenticator(
      key: (0..<32).map { _ in UInt8.random(in: 0...255) }, nonceLifetime: context.configuration.sip.nonceLifetime)
  }

  var callCount: Int { calls.count }

  /// Binds the SIP ports.
  func listen(_ configuration: SIPAgentConfiguration) throws(SIPAgentError) {
    var configuration = configuration
    configuration.admit = { [weak self] in self?.admit($0) ?? .drop }
    configuration.nameServer = context.configuration.sip.nameServer
    configuration.isKnown = { [weak self] in self?.isKnown($0) ?? false }
    configuration.mayTakePart = { [weak self] id, source in self?.call(id)?.mayTakePart(source) ?? true }
    agent = try SIPAgent(configuration) { [weak self] in self?.handle($0) }
  }

  /// The call with this `SCL_…`.
  func call(_ callID: String) -> Call? { callIDs[callID].flatMap { calls[$0] } }

  /// The call that is this participant of the room.
  func call(of identity: String, in room: String) -> Call? {
    calls.values.first { $0.summary.identity == identity && $0.summary.roomName == room && !$0.isEnded }
  }

  private func call(_ id: InviteID) -> Call? { invites[id].flatMap { calls[$0] } }

  /// What is running, the oldest first.
  var summaries: [CallSummary] {
    calls.values.sorted { $0.legID.rawValue < $1.legID.rawValue }.map(\.summary)
  }

  // MARK: From the network

  /// The first look at a packet that belongs to no dialog.
  private func admit(_ arrival: SIPArrival) -> SIPAdmission {
    if arrival.isInvite { context.metrics.inviteReceived() }
    guard limiter.admit(arrival.source.address, now: MonotonicClock.now()) else { return .drop }
    return .allow
  }

  private func isKnown(_ source: IPAddress) -> Bool {
    context.directory.current.isKnown(source)
  }

  private func handle(_ event: SIPEvent) {
    switch event {
    case .invite(let invite): receive(invite)
    case .reinvite(let id, let request): call(id)?.reinvited(request)
    case .acknowledged(let id, let sdp): call(id)?.acknowledged(sdp)
    case .cancelled(let id, _):
      arriving.remove(id)
      call(id)?.handle(.cancelled)
    case .bye(let id, let request): call(id)?.handle(.bye(reason: request.reason))
    case .info: break
    case .terminated(let id, let termination):
      arriving.remove(id)
      call(id)?.handle(.terminated("\(termination)"))
    case .progress(let id, let reply): call(id)?.progressed(reply)
    case .answered(let id, let reply): call(id)?.answered(reply)
    case .failed(let id, let reply): call(id)?.failed(reply)
    case .referAnswered(let id, let reply, let sequenceNumber):
      call(id)?.handle(.referAnswered(SIPStatus(reply.status, reply.reasonPhrase), sequence: sequenceNumber))
    case .referNotified(let id, let notification): call(id)?.handle(.referNotified(notification))
    case .referReceived(let id, let request): call(id)?.handle(.referReceived(request.target))
    }
  }

  private func receive(_ invite: IncomingInvite) {
    context.metrics.inviteRead()
    let known = challenged.callID(
      sipCallID: invite.callID, fromTag: invite.from.tag ?? "", now: MonotonicClock.now())
    let isFree = known.map { call($0) == nil } ?? false
    let facts = CallFacts(invite, callID: isFree ? known ?? "" : GUID.make(prefix: "SCL_"))
    let arrival = CallArrival(invite: invite, facts: facts)
    guard arriving.count < Self.arrivingLimit else { return turnAway(invite, facts, Refusal(.atCapacity)) }
    let rules = context.directory.current
    if context.configuration.sip.hidesInboundPort, rules.takesTime, invite.transport == .udp {
      return receiveHidden(arrival, rules)
    }
    arriving.insert(invite.id)
    rules.admit(arrival) { [weak self] in self?.admitted(arrival, rules, $0) }
  }

  /// Nothing is said to whoever may be a stranger, and nothing kept, before the cluster has decided.
  private func receiveHidden(_ arrival: CallArrival, _ rules: any CallRules) {
    let key = HiddenArrivals.Key(arrival.invite)
    if let decision = hidden.take(key, now: MonotonicClock.now()) {
      let known = CallArrival(invite: arrival.invite, facts: decision.call)
      arriving.insert(arrival.invite.id)
      return admitted(known, rules, decision.admission, decision.outcome)
    }
    agent?.ignore(arrival.invite.id)
    guard hidden.begin(key, now: MonotonicClock.now()) else { return }
    rules.admit(arrival) { [weak self] admission in
      let trunk: InboundTrunk? = if case .trunk(let trunk) = admission { trunk } else { nil }
      let isRefused = if case .refuse = admission { true } else { false }
      guard !isRefused, trunk?.requiresDigest != true else {
        self?.decided(key, HiddenArrivals.Decision(call: arrival.facts, admission: admission, outcome: nil))
        return
      }
      rules.dispatch(arrival, trunk: trunk, pin: .notAsked) { outcome in
        self?.decided(key, HiddenArrivals.Decision(call: arrival.facts, admission: admission, outcome: outcome))
      }
    }
  }

  private func decided(_ key: HiddenArrivals.Key, _ decision: HiddenArrivals.Decision) {
    hidden.decide(key, decision, now: MonotonicClock.now())
  }

  /// The trunk is known, or that there is none; at once, or while the caller waits.
  ///
  /// - Parameter outcome: decided already; nil: by the dispatch rules.
  private func admitted(
    _ arrival: CallArrival, _ rules: any CallRules, _ admission: Dispatcher.Admission,
    _ outcome: DispatchOutcome? = nil
  ) {
    let (invite, facts) = (arrival.invite, arrival.facts)
    // The caller may have given up meanwhile.
    guard arriving.remove(invite.id) != nil else { return }
    let trunk: InboundTrunk?
    switch admission {
    case .trunk(let found): trunk = found
    case .unmatched: trunk = nil
    case .refuse(let refusal): return turnAway(invite, facts, refusal)
    }
    // A caller of no trunk whom no rule takes is a stranger.
    if trunk == nil, case .refuse(let refusal) = outcome, refusal.reason == .noRule {
      return turnAway(invite, facts, Refusal(.noTrunk, sentence: refusal.sentence))
    }
    if let refusal = overload { return begin(invite, facts, trunk, rules, .refuse(refusal)) }
    switch authenticate(invite, trunk) {
    case .accepted: begin(invite, facts, trunk, rules, outcome)
    case .challenge(let challenges, _):
      challenged.remember(
        facts.callID, sipCallID: facts.sipCallID, fromTag: facts.fromTag, now: MonotonicClock.now())
      let headers = challenges.map { SIPHeader("Proxy-Authenticate", $0) }
      agent?.respond(to: invite.id, with: SIPResponse(407, "Proxy Authentication Required", headers: headers))
    case .refused:
      let sentence = "the credentials for trunk \(trunk?.label ?? "") were wrong twice"
      let refusal = Refusal(.unauthorized, sentence: sentence)
      // Where anyone may knock, whoever fails is a stranger.
      let isOpen = trunk?.allowedAddresses.isEmpty ?? true
      isOpen ? turnAway(invite, facts, refusal) : begin(invite, facts, trunk, rules, .refuse(refusal))
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
    context.metrics.inviteTurnedAway(refusal.reason)
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
    _ invite: IncomingInvite, _ facts: CallFacts, _ trunk: InboundTrunk?, _ rules: any CallRules,
    _ outcome: DispatchOutcome?
  ) {
    guard let agent else { return }
    agent.setLocalTag(facts.callID, of: invite.id)
    let call = Call(
      invite, facts: facts, trunk: trunk, legID: makeLegID(), agent: agent, rules: rules, controller: self)
    keep(call)
    invites[invite.id] = call.legID
    if outcome == nil, let replaced = invite.replaces { return takePlace(of: replaced, call) }
    call.begin(outcome)
  }

  /// An INVITE with Replaces (RFC 3891).
  private func takePlace(of replaced: ReplacedInvite, _ call: Call) {
    guard let trunk = call.trunk, case .inbound(let machine) = call.machine else {
      return call.begin(.refuse(Refusal(.unauthorized, sentence: "a call without a trunk takes no other's place")))
    }
    let other = self.call(replaced.id)
    let named = ReplacesJudge.Named(
      isEstablished: replaced.isEstablished, peer: other?.peerAddress, place: other?.machine.place)
    switch ReplacesJudge.judge(machine.call, trunk: trunk, named: named) {
    case .takeOver(let takeover): call.begin(taking: takeover)
    case .refuse(let refusal): call.begin(.refuse(refusal))
    }
  }

  private func makeLegID() -> PhoneLegID {
    defer { nextLeg += 1 }
    return PhoneLegID(rawValue: nextLeg)
  }

  private func keep(_ call: Call) {
    calls[call.legID] = call
    callIDs[call.callID] = call.legID
  }

  // MARK: Calls out

  /// Places a call, or says why not.
  ///
  /// - Parameter apiKey: empty for what the gateway itself wants.
  func place(_ plan: OutboundCallPlan, apiKey: String) throws(OutboundRefusal) -> Call {
    guard let agent, !isDraining else { throw OutboundRefusal(.draining, "the gateway is stopping and takes no calls") }
    let limit = context.configuration.limits.activeCalls
    guard limit == 0 || calls.count < limit else {
      throw OutboundRefusal(.totalCalls, "the gateway has \(limit) calls (limits.active_calls) and takes no more")
    }
    let ticket = try limits.admit(
      plan, key: apiKey, localTimes: LocalClock.times(in: limits.zones(of: plan)), now: MonotonicClock.now())
    let call = Call(plan, legID: makeLegID(), agent: agent, rules: context.directory.current, controller: self)
    tickets[call.legID] = ticket
    keep(call)
    return call
  }

  func dialled(_ call: Call, as id: InviteID) { invites[id] = call.legID }

  func makeTransferID() -> TransferRequest.ID {
    defer { nextTransfer += 1 }
    return nextTransfer
  }

  /// The second call of a transfer that the gateway carries out itself.
  func placeTarget(_ target: TransferTarget, for call: Call) {
    var generator = SystemRandomNumberGenerator()
    do throws(OutboundRefusal) {
      let plan = try context.directory.current.planner.plan(
        target, callID: GUID.make(prefix: "SCL_"), using: &generator)
      let placed = try place(plan, apiKey: target.apiKey)
      targets[call.legID] = placed
      placed.start()
    } catch {
      call.handle(.target(.failed(error.error)))
    }
  }

  func endTarget(of call: Call, _ sentence: String) { targets[call.legID]?.handle(.targetUnwanted(sentence)) }

  /// Media rooms and tracks that no room server knows: their ids begin where its never come.
  func makeBridgeRoom() -> RoomID { RoomID(rawValue: makeBridgeID()) }
  func makeBridgeTrack() -> TrackID { TrackID(rawValue: makeBridgeID()) }

  private func makeBridgeID() -> UInt64 {
    defer { nextBridge += 1 }
    return nextBridge
  }

  // MARK: From the gateway's other threads

  /// Handles what rooms and media report, until the stream ends.
  func consume(_ inputs: AsyncStream<CallControllerInput>) async {
    for await input in inputs { receive(input) }
  }

  private func receive(_ input: CallControllerInput) {
    switch input {
    case .joined(let id, let result, let generation): calls[id]?.joined(result, generation: generation)
    case .room(let id, let event): calls[id]?.roomReported(event)
    case .media(let event): event.phoneLeg.flatMap { calls[$0] }?.mediaReported(event)
    }
  }

  /// The call's record is written: nothing of it stays.
  func ended(_ call: Call) {
    calls[call.legID] = nil
    callIDs[call.callID] = nil
    targets[call.legID] = nil
    if let id = call.inviteID { invites[id] = nil }
    if let ticket = tickets.removeValue(forKey: call.legID) { limits.release(ticket) }
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
    case .digit(let id, _), .digitsSent(let id), .soundPlayed(let id, _), .phoneMediaStarted(let id),
      .phoneMediaTimedOut(let id),
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
