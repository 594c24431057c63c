/// Transfers of one call, one after the other.
///
/// ```
///            request: REFER              202               NOTIFY 200
///   idle ────────────────────▶ referring ───▶ notified ─────────────────▶ sentAway: BYE within 1 s
///    ▲  ╲                          │             │
///    │   ╲ bridge_only             │ refused     │ NOTIFY 3xx-6xx, or time is up
///    │    ╲                        ▼ (bridge)    │
///    │     ──────────────────▶ bridging ─────────┤
///    │                             │ answered    │
///    │                             ▼             │
///    │                          bridged          │
///    └───────────── failure: the call stays up ──┘
///
///   idle ── REFER of the phone ──▶ relaying ── answered ──▶ the target takes the call's place
/// ```
///
/// - Equal requests at one time share one result; a different one is refused.
/// - The phone's BYE while the provider transfers it counts as success: some providers send no NOTIFY.
/// - A NOTIFY of success that comes after the time was up still sends the phone away: it talks to the target.
struct TransferMachine: Sendable {
  /// Programs that may wait for one result.
  static let waiterLimit = 64
  /// How long the phone has to send BYE after it was transferred.
  static let byeLimit: Duration = .seconds(1)

  /// What a step means for the call.
  enum Event: Hashable, Sendable {
    /// A transfer has begun or failed; the call lives on as it did.
    case none
    /// The phone talks to someone else: BYE within `byeLimit`.
    case sentAway
    /// The phone talks to another call of ours, outside the room.
    case bridged(callID: String)
    /// Another call of ours has the call's place in the room.
    case relayed(callID: String)
    /// The other call of a bridge is over.
    case bridgeEnded
  }

  struct Step: Sendable {
    var actions: [CallAction] = []
    var event = Event.none
  }

  private struct Active: Sendable {
    var request: TransferRequest
    var waiters: [TransferRequest.ID]
    /// CSeq of the REFER. Nil before its response.
    var sequence: UInt32?
  }

  private enum State: Sendable {
    case idle
    case referring(Active)
    case notified(Active)
    case bridging(Active)
    case sentAway(Active)
    case bridged(callID: String)
    case relaying(ReferTarget)
    case relayed
  }

  let callID: String
  private(set) var policy: TransferPolicy
  /// The outbound trunk of the call itself. Empty for inbound calls.
  var ownTrunkID = ""
  /// The phone's Allow header does not name REFER.
  var refusesRefer = false
  private var state = State.idle
  /// CSeq of a REFER whose time was up.
  private var lapsed: UInt32?

  init(callID: String, policy: TransferPolicy) {
    self.callID = callID
    self.policy = policy
  }

  mutating func setPolicy(_ policy: TransferPolicy) { self.policy = policy }

  /// The phone waits for, or talks to, someone else.
  var isActive: Bool { if case .idle = state { false } else { true } }
}

// MARK: What programs ask

extension TransferMachine {
  mutating func request(
    _ request: TransferRequest, _ record: inout CallRecord, _ timers: inout CallTimers
  ) -> Step {
    switch state {
    case .idle: return begin(request, &record, &timers)
    case .referring(var active):
      return Step(actions: join(request, &active) { self.state = .referring($0) })
    case .notified(var active):
      return Step(actions: join(request, &active) { self.state = .notified($0) })
    case .bridging(var active):
      return Step(actions: join(request, &active) { self.state = .bridging($0) })
    case .sentAway(let active) where active.request.target == request.target:
      return Step(actions: [.reportTransfer([request.id], success(active.request, .completed))])
    case .sentAway, .bridged, .relayed:
      return Step(actions: refuse(request, .failedPrecondition, "the call has been transferred"))
    case .relaying:
      return Step(actions: refuse(request, .invalidArgument, "the call is already being transferred elsewhere"))
    }
  }

  /// The call is not answered, or is over.
  static func refuse(_ request: TransferRequest) -> [CallAction] {
    let error = CallError(.failedPrecondition, "the call is not established")
    let result = TransferResult(transferID: request.transferID, reason: .rejected, error: error)
    return [.reportTransfer([request.id], result)]
  }

  private mutating func begin(
    _ request: TransferRequest, _ record: inout CallRecord, _ timers: inout CallTimers
  ) -> Step {
    let active = Active(request: request, waiters: [request.id])
    lapsed = nil
    if record.transfers.count < CallRecord.transferLimit {
      record.transfers.append(TransferRecord(transferID: request.transferID, target: request.target.uri))
    }
    let tone: [CallAction] = request.playDialtone ? [.playDialtone(.phone)] : []
    let timer = timers.start(.transfer, request.ringingTimeout)
    if policy.mode == .bridgeOnly || policy.mode == .bridge && refusesRefer, mayBridge(request) {
      return Step(actions: tone + bridge(active, &record) + timer)
    }
    state = .referring(active)
    return Step(actions: tone + [.refer(request)] + timer)
  }

  private func join(
    _ request: TransferRequest, _ active: inout Active, keep: (Active) -> Void
  ) -> [CallAction] {
    guard active.request.target == request.target else {
      return refuse(request, .invalidArgument, "the call is already being transferred elsewhere")
    }
    guard active.waiters.count < Self.waiterLimit else {
      return refuse(request, .resourceExhausted, "\(Self.waiterLimit) programs wait for this transfer")
    }
    active.waiters.append(request.id)
    keep(active)
    return []
  }

  private func refuse(_ request: TransferRequest, _ code: RPCCode, _ sentence: String) -> [CallAction] {
    let result = TransferResult(
      transferID: request.transferID, reason: .rejected, error: CallError(code, sentence))
    return [.reportTransfer([request.id], result)]
  }

  /// A dialog of another server cannot be taken over by a call of ours, and a target without a user cannot be dialled.
  private func mayBridge(_ request: TransferRequest) -> Bool {
    request.target.replaces == nil && !request.target.user.isEmpty
  }

  private mutating func bridge(_ active: Active, _ record: inout CallRecord) -> [CallAction] {
    state = .bridging(active)
    let id = active.request.transferID
    if let index = record.transfers.lastIndex(where: { $0.transferID == id }) {
      record.transfers[index].wasBridged = true
    }
    var target = TransferTarget(
      callID: callID, purpose: .bridge, target: active.request.target, trunk: policy.trunk, ownTrunkID: ownTrunkID,
      headers: active.request.headers, ringingTimeout: active.request.ringingTimeout)
    target.apiKey = active.request.apiKey
    return [.dialTarget(target)]
  }
}

// MARK: What the provider says

extension TransferMachine {
  mutating func referAnswered(
    _ status: SIPStatus, sequence: UInt32, _ record: inout CallRecord, _ timers: inout CallTimers
  ) -> Step {
    guard case .referring(var active) = state else { return Step() }
    active.sequence = sequence
    if status.code == 200 || status.code == 202 {
      state = .notified(active)
      return Step()
    }
    // 481: the dialog is gone, and with it the phone.
    if policy.mode == .bridge, mayBridge(active.request), status.code != 481 {
      return Step(actions: bridge(active, &record))
    }
    return fail(active, .rejected, CallError(sipStatus: status), &record, &timers)
  }

  mutating func notified(
    _ notification: ReferNotification, _ record: inout CallRecord, _ timers: inout CallTimers
  ) -> Step {
    guard case .status(let status, let id, let isFinal) = notification else { return Step() }
    switch state {
    // A NOTIFY may overtake the response to the REFER.
    case .referring(let active), .notified(let active):
      if let id, let sequence = active.sequence, id != sequence { return Step() }
      return decide(active, status, isFinal, &record, &timers)
    case .idle where status.code == 200 && lapsed != nil && (id == nil || id == lapsed):
      lapsed = nil
      return Step(event: .sentAway)
    default: return Step()
    }
  }

  private mutating func decide(
    _ active: Active, _ status: SIPStatus, _ isFinal: Bool, _ record: inout CallRecord, _ timers: inout CallTimers
  ) -> Step {
    switch status.code {
    case 200:
      state = .sentAway(active)
      return Step(
        actions: timers.cancel(.transfer) + report(active, success(active.request, .completed), &record),
        event: .sentAway)
    case ..<200 where !isFinal: return Step()
    case ..<200:
      let error = CallError(
        .unknown, "the provider stopped reporting before the transfer was decided", sipStatus: status)
      return fail(active, .subscriptionTerminated, error, &record, &timers)
    default:
      var error = CallError(sipStatus: status)
      error.message = "call transfer failed: " + error.message
      return fail(active, .rejected, error, &record, &timers)
    }
  }

  /// The phone's own wish (REFER towards us).
  mutating func referReceived(_ target: ReferTarget, _ record: CallRecord) -> Step {
    guard case .idle = state else {
      return Step(actions: [.answerRefer(SIPStatus(491, "Request Pending"))])
    }
    guard policy.acceptsRefer, !target.user.isEmpty else {
      return Step(actions: [.answerRefer(SIPStatus(603, "Decline"))])
    }
    state = .relaying(target)
    return Step(actions: [
      .answerRefer(SIPStatus(202, "Accepted")), .notifyReferrer(SIPStatus(100, "Trying"), isFinal: false),
      .dialTarget(
        TransferTarget(
          callID: callID, purpose: .takeOver, target: target, trunk: policy.trunk, ownTrunkID: ownTrunkID,
          roomName: record.roomName, identity: record.identity)),
    ])
  }
}

// MARK: What the call that we placed says

extension TransferMachine {
  mutating func target(
    _ event: TransferTargetEvent, _ record: inout CallRecord, _ timers: inout CallTimers
  ) -> Step {
    switch (state, event) {
    case (.bridging(let active), .answered(let callID)):
      state = .bridged(callID: callID)
      return Step(
        actions: timers.cancel(.transfer) + stopTone(active)
          + report(active, success(active.request, .completed), &record),
        event: .bridged(callID: callID))
    case (.bridging(let active), .failed(let error)):
      return fail(active, .rejected, error, &record, &timers)
    case (.bridging(let active), .ended):
      return fail(active, .callEnded, CallError(.aborted, "the target hung up"), &record, &timers)
    case (.bridged, .ended), (.bridged, .failed):
      state = .idle
      return Step(event: .bridgeEnded)
    case (.relaying, .ringing):
      return Step(actions: [.notifyReferrer(SIPStatus(180, "Ringing"), isFinal: false)])
    case (.relaying, .answered(let callID)):
      state = .relayed
      return Step(actions: [.notifyReferrer(.ok, isFinal: true)], event: .relayed(callID: callID))
    case (.relaying, .failed(let error)):
      state = .idle
      return Step(actions: [.notifyReferrer(error.sipStatus ?? SIPStatus(503, "Service Unavailable"), isFinal: true)])
    case (.relaying, .ended):
      state = .idle
      return Step(actions: [.notifyReferrer(.requestTerminated, isFinal: true)])
    case (_, .ringing), (_, .answered), (_, .failed), (_, .ended): return Step()
    }
  }

  /// `CallTimer.transfer` has fired.
  mutating func timeIsUp(_ record: inout CallRecord, _ timers: inout CallTimers) -> Step {
    switch state {
    case .referring(let active), .notified(let active):
      lapsed = active.sequence
      return fail(active, .ringingTimeout, timeout(active), &record, &timers)
    case .bridging(let active):
      var step = fail(active, .ringingTimeout, timeout(active), &record, &timers)
      step.actions.insert(.endTarget(reason: "the target did not answer in time"), at: 0)
      return step
    default: return Step()
    }
  }

  /// The call ends. Whoever waits is told, and the target of a bridge is not left alone.
  ///
  /// - Parameter byPhone: the phone hung up, which is how some providers finish a transfer.
  mutating func callEnded(byPhone: Bool, _ sentence: String, _ record: inout CallRecord) -> [CallAction] {
    defer { state = .idle }
    switch state {
    case .idle, .sentAway, .relayed: return []
    case .referring(let active), .notified(let active):
      if byPhone { return report(active, success(active.request, .callEnded), &record) }
      return report(active, failure(active, .canceled, CallError(.aborted, sentence)), &record)
    case .bridging(let active):
      return [.endTarget(reason: sentence)]
        + report(active, failure(active, .callEnded, CallError(.aborted, sentence)), &record)
    case .bridged, .relaying: return [.endTarget(reason: sentence)]
    }
  }

  /// The phone hung up while a provider transferred it: the end counts as a transfer.
  var isAwaitingProvider: Bool {
    switch state {
    case .referring, .notified, .sentAway, .relayed: true
    case .idle, .bridging, .bridged, .relaying: false
    }
  }
}

// MARK: Results

extension TransferMachine {
  private func timeout(_ active: Active) -> CallError {
    let seconds = active.request.ringingTimeout.components.seconds
    return CallError(.deadlineExceeded, "the transfer was not decided within \(seconds) s")
  }

  private func success(_ request: TransferRequest, _ reason: TransferResult.Reason) -> TransferResult {
    TransferResult(transferID: request.transferID, reason: reason, sipStatus: .ok)
  }

  private func failure(_ active: Active, _ reason: TransferResult.Reason, _ error: CallError) -> TransferResult {
    TransferResult(
      transferID: active.request.transferID, reason: reason, sipStatus: error.sipStatus, error: error)
  }

  private func stopTone(_ active: Active) -> [CallAction] {
    active.request.playDialtone ? [.stopDialtone(.phone)] : []
  }

  private mutating func fail(
    _ active: Active, _ reason: TransferResult.Reason, _ error: CallError, _ record: inout CallRecord,
    _ timers: inout CallTimers
  ) -> Step {
    state = .idle
    return Step(
      actions: timers.cancel(.transfer) + stopTone(active) + report(active, failure(active, reason, error), &record))
  }

  private func report(_ active: Active, _ result: TransferResult, _ record: inout CallRecord) -> [CallAction] {
    if let index = record.transfers.lastIndex(where: { $0.transferID == result.transferID }) {
      record.transfers[index].result = result
    }
    return [.reportTransfer(active.waiters, result)]
  }
}
