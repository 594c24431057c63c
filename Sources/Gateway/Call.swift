import Base
import Linux
import Logging
import MediaCore
import MediaIO
import RoomCore
import SIP
import Telephony

/// One call, in or out: performs what its machine decides.
///
/// Inputs are handled one after the other: an action that has its result at once queues it as the next input.
@SIPActor
final class Call {
  /// Names the call for the life of the process; also its media leg.
  let legID: PhoneLegID
  /// Nil for a call that we place.
  let invite: IncomingInvite?
  /// Nil for a call that we place, or that matched none.
  let trunk: InboundTrunk?
  let rules: any CallRules
  let agent: SIPAgent
  let context: CallContext
  /// Where other calls are found.
  unowned let controller: CallController

  /// Nil before a call of ours is dialled.
  var inviteID: InviteID?
  var machine: CallDecisions
  var log: Logger
  var leg: CallLeg?
  /// The room that it is in.
  var place: RoomPlace?
  /// What it joined that room as, or the call whose place it took.
  var entry: RoomEntry?
  /// A join that will come too late, because another one or the end came first.
  var joinGeneration = 0
  /// Reports of the room may overtake the news that it was joined.
  var occupancy = RoomOccupancy()
  var attributes: [String: String] = [:]
  /// The last description that the peer sent us for an offer of ours.
  var answerBody: [UInt8] = []
  var reinviteBody: [UInt8] = []
  var statistics = PhoneLegTotals()
  /// Of a call that we place: what its request waits for.
  var dialReport: CheckedContinuation<DialReport, Never>?
  /// Headers of the 2xx to a call of ours.
  var peerHeaders: [SIPHeader] = []
  /// Where its leg is joined with another one's, outside any room.
  var bridge: Bridge?
  /// Of transfers that were asked for.
  var transfers: [TransferRequest.ID: CheckedContinuation<TransferResult, Never>] = [:]
  /// What `trunkline call list` shows of it.
  var summary: CallSummary

  struct Bridge {
    let room: RoomID
    let loop: MediaLoop
  }

  private var pending: [CallInput] = []
  private var isHandling = false
  private var timers: [CallTimer: SIPTimer] = [:]

  /// A call that arrived.
  init(
    _ invite: IncomingInvite, facts: CallFacts, trunk: InboundTrunk?, legID: PhoneLegID, agent: SIPAgent,
    rules: any CallRules, controller: CallController
  ) {
    self.legID = legID
    self.invite = invite
    self.trunk = trunk
    self.agent = agent
    self.rules = rules
    self.controller = controller
    context = controller.context
    inviteID = invite.id
    let receivedAt = Int64(WallClock.now() * 1000)
    machine = .inbound(
      CallMachine(
        call: facts, hasOffer: !invite.body.isEmpty, receivedAtUnixMilliseconds: receivedAt, now: MonotonicClock.now()))
    summary = CallSummary(facts, trunk: trunk, source: invite.source, startedAtUnixMilliseconds: receivedAt)
    log = context.log
    log[metadataKey: "call"] = "\(facts.callID)"
  }

  /// A call to place.
  init(
    _ plan: OutboundCallPlan, legID: PhoneLegID, agent: SIPAgent, rules: any CallRules,
    controller: CallController
  ) {
    self.legID = legID
    invite = nil
    trunk = nil
    self.agent = agent
    self.rules = rules
    self.controller = controller
    context = controller.context
    let placedAt = Int64(WallClock.now() * 1000)
    machine = .outbound(
      OutboundCallMachine(plan: plan, placedAtUnixMilliseconds: placedAt, now: MonotonicClock.now()))
    summary = CallSummary(plan, startedAtUnixMilliseconds: placedAt)
    log = context.log
    log[metadataKey: "call"] = "\(plan.callID)"
  }

  var callID: String { machine.callID }
  var isEnded: Bool { machine.isEnded }

  /// Dispatches an inbound call, unless that is decided already; from here on it lives by its inputs.
  func begin(_ outcome: DispatchOutcome?) {
    noteArrival()
    if let outcome { handle(.dispatched(outcome)) } else { dispatch(.notAsked) }
  }

  /// An inbound call that takes the place of another one.
  func begin(taking takeover: Takeover) {
    noteArrival()
    handle(.takesOver(takeover))
  }

  private func noteArrival() {
    guard let invite, case .inbound(let machine) = machine else { return }
    log.info(
      "a call arrived",
      metadata: [
        "from": "\(machine.call.fromUser)", "to": "\(machine.call.toUser)", "source": "\(invite.source)",
        "trunk": "\(trunk?.label ?? "-")", "sip_call_id": "\(invite.callID)",
      ])
    context.events.callStarted(self)
  }

  /// Places a call of ours.
  func start() {
    guard case .outbound(var outbound) = machine else { return }
    log.info(
      "a call is placed",
      metadata: [
        "from": "\(outbound.plan.number)", "to": "\(outbound.plan.callTo)", "trunk": "\(outbound.plan.trunkLabel)",
        "target": "\(outbound.plan.invite.target)",
      ])
    context.events.callStarted(self)
    let actions = outbound.start(now: MonotonicClock.now())
    machine = .outbound(outbound)
    isHandling = true
    for action in actions { perform(action) }
    isHandling = false
    handlePending()
  }

  /// What actions find out at once comes here too, and waits until they are all performed.
  func handle(_ input: CallInput) {
    pending.append(input)
    handlePending()
  }

  private func handlePending() {
    guard !isHandling else { return }
    isHandling = true
    defer { isHandling = false }
    while !pending.isEmpty {
      for action in machine.handle(pending.removeFirst(), now: MonotonicClock.now()) { perform(action) }
    }
  }

  private func perform(_ action: CallAction) {
    switch action {
    case .ring, .answer, .answerReinvite, .refuseReinvite, .refuse, .refuseTerminated, .hangUp, .dial, .cancelDial,
      .reportDialled:
      performSignalling(action)
    case .openMedia, .attachMedia, .applyAnswer, .renegotiate, .playPrompt, .stopPrompt, .playAnnouncement, .closeMedia,
      .attachEarlyMedia, .playDialtone, .stopDialtone, .sendDigits:
      performMedia(action)
    case .joinRoom, .leaveRoom, .moveRoom, .setCallStatus, .setAttributes, .takeOverRoom, .handOverRoom:
      performRoom(action)
    case .refer, .reportTransfer, .dialTarget, .endTarget, .joinLegs, .reportTarget, .answerRefer, .notifyReferrer:
      performTransfer(action)
    case .dispatch(let pin): dispatch(pin)
    case .startTimer(let timer, let duration): start(timer, duration)
    case .cancelTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
    case .reportWaiting(let sentence):
      summary.waitsFor = sentence
      log.info("a call \(sentence)")
    case .writeRecord(let record): write(record)
    }
  }

  /// The decision comes as an input, at once or later; a call that has ended meanwhile does not heed it.
  private func dispatch(_ pin: PINEntry) {
    guard let invite, case .inbound(let machine) = machine else { return }
    let arrival = CallArrival(invite: invite, facts: machine.call)
    rules.dispatch(arrival, trunk: trunk, pin: pin) { [weak self] outcome in
      guard let self else { return }
      if pin == .notAsked { context.metrics.checked(legID) }
      handle(.dispatched(outcome))
    }
  }

  private func start(_ timer: CallTimer, _ duration: Duration) {
    timers[timer] = SIPTimer(after: duration) { [weak self] in
      self?.timers[timer] = nil
      self?.handle(.timerFired(timer))
    }
  }

  private func write(_ written: CallRecord) {
    var record = written
    // A call that was refused before its dispatch had a trunk all the same.
    if let trunk, record.trunkID.isEmpty { (record.trunkID, record.trunkLabel) = (trunk.id, trunk.label) }
    log.info(
      "a call ended",
      metadata: [
        "reason": "\(record.endReason.code)", "why": "\(record.sentence)",
        "status": "\(record.sipStatus.map { String($0.code) } ?? "-")",
        "talk_ms": "\(record.talkDuration.wholeMilliseconds)",
      ])
    closeBridge()
    for continuation in transfers.values {
      continuation.resume(
        returning: TransferResult(
          transferID: "", reason: .callEnded, error: CallError(.unavailable, "the call ended before the transfer did")))
    }
    transfers = [:]
    dialReport?.resume(returning: .failed(CallError(.unavailable, record.sentence)))
    dialReport = nil
    context.events.callEnded(self, record)
    context.records.write(record, media: statistics.sum)
    controller.ended(self)
  }
}
