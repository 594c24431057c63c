import Base

/// The life of one call that we place, from the request to its record.
///
/// ```
///  start
///    │ port            in the room: dialing        180, 183: ringing       2xx        answer read
///    ▼                  INVITE                                                            │
///  openingMedia ─▶ joining ───────────────▶ dialling ───────────────▶ answering ──────────┤
///    │                │                        │                          │               ▼
///    │                │                        │                          │     automation (digits) ─▶ active
///    │                │                        │ refused 3xx-6xx,         │               │
///    │                │                        │ not answered in time,    │               │
///    ▼                ▼                        ▼ room gone: CANCEL        ▼ BYE           ▼ BYE of either side …
///  closing ──▶ ended: media closed, the final response to a cancelled INVITE in, 5 s at most; then exactly one record
/// ```
///
/// - The participant is in the room from before the INVITE on.
/// - A 2xx that crosses our CANCEL is answered with BYE.
/// - The second leg of a bridge has no room; the place of another call in its room is taken once that call yields it.
public struct OutboundCallMachine: Sendable {
  private enum State: Sendable {
    case new
    case openingMedia
    case joining
    case dialling
    /// The 2xx is in, its SDP is being read.
    case answering
    /// Answered; the room is another call's still.
    case takingOver
    /// Digits that are still to be sent, in pieces.
    case automation([String])
    case established
  }

  /// Beyond the time that the digits take; then the call counts as active.
  public static let automationSlack: Duration = .seconds(5)

  public let plan: OutboundCallPlan
  /// The 2xx has come.
  public var isAnswered: Bool { common.isAnswered }
  public var isEnded: Bool { common.isEnded }
  /// What another call may take over. Nil: nothing.
  public var place: CallPlace? { common.place(entry) }

  private var state = State.new
  private var common: EstablishedCall
  private var attributes: [String: String] = [:]
  private var isRinging = false
  private var playsDialtone = false
  private var isReported = false
  /// The SDP of a provisional response is being read.
  private var readsEarlyMedia = false
  private var hasEarlyMedia = false

  /// - Parameter placedAtUnixMilliseconds: wall-clock time of the request, for the record.
  public init(plan: OutboundCallPlan, placedAtUnixMilliseconds: Int64, now: MonotonicTime) {
    self.plan = plan
    var record = CallRecord(
      callID: plan.callID, sipCallID: plan.sipCallID, fromUser: plan.number, fromHost: "", toUser: plan.callTo,
      source: nil, receivedAtUnixMilliseconds: placedAtUnixMilliseconds,
      endReason: .terminated, sentence: "")
    record.direction = .outbound
    record.trunkID = plan.trunkID
    record.trunkLabel = plan.trunkLabel
    record.krispEnabled = plan.krispEnabled
    record.dialledAddress = plan.invite.target.description
    record.destination = plan.destination
    switch plan.placement {
    case .room(let entry): (record.roomName, record.identity) = (entry.roomName, entry.participant.identity)
    case .bridge(let callID): record.joinedCallID = callID
    case .takeOver(let callID, let roomName, let identity):
      (record.joinedCallID, record.roomName, record.identity) = (callID, roomName, identity)
    }
    common = EstablishedCall(record: record, policy: plan.policy, transfer: plan.transfer, now: now)
    common.transfer.ownTrunkID = plan.trunkID
  }

  /// In a place that was taken, all but the names in the room are the other call's.
  private var entry: RoomEntry? {
    guard case .takeOver(_, let roomName, let identity) = plan.placement else { return plan.room }
    return RoomEntry(roomName: roomName, participant: ParticipantProfile(identity: identity, name: ""))
  }

  /// The first actions; every later one answers an input.
  public mutating func start(now: MonotonicTime) -> [CallAction] {
    guard case .new = state else { return [] }
    state = .openingMedia
    common.hasMedia = true
    return [.openMedia(plan.media)] + common.timers.start(.ringingTimeout, plan.policy.ringingTimeout)
  }

  public mutating func handle(_ input: CallInput, now: MonotonicTime) -> [CallAction] {
    if common.isOver { return pass(on: input, now) }
    switch (state, input) {
    case (.openingMedia, .mediaOpened): return join()
    case (.joining, .roomJoined(let occupancy)):
      _ = common.note(occupancy)
      return dial()
    case (.dialling, .progress(let response)): return progress(response, now)
    case (.dialling, .answered(let response)): return answered(response, now)
    case (.dialling, .dialFailed(let failure)): return dialFailed(failure, now)
    case (.dialling, .answerApplied): return beginEarlyMedia()
    case (.dialling, .mediaFailed) where readsEarlyMedia:
      // The final answer may still be good.
      readsEarlyMedia = false
      return []
    case (.answering, .answerApplied(let isOnHold)):
      common.isOnHold = isOnHold
      return establish()
    case (.takingOver, .roomJoined(let occupancy)):
      _ = common.note(occupancy)
      return takeOver()
    case (.takingOver, .joinFailed): return end(CallEnd(.joinFailed), now)
    case (.automation(let rest), .digitsSent): return sendDigits(rest)
    case (.automation, .timerFired(.automation)) where common.timers.fired(.automation): return activate()
    case (_, .timerFired(.ringingTimeout)) where common.timers.fired(.ringingTimeout): return giveUp(now)
    case (_, .bye) where !isAnswered: return []
    default: return pass(on: input, now)
    }
  }

  /// What is the same in every call.
  private mutating func pass(on input: CallInput, _ now: MonotonicTime) -> [CallAction] {
    switch common.handle(input, now) {
    case .act(let actions): actions
    case .end(let end, let actions): actions + self.end(end, now)
    }
  }
}

// MARK: Up to the answer

extension OutboundCallMachine {
  private mutating func join() -> [CallAction] {
    guard let room = plan.room else { return dial() }
    state = .joining
    common.hasRoom = true
    return [.joinRoom(room, .dialing)]
  }

  private mutating func dial() -> [CallAction] {
    state = .dialling
    var actions: [CallAction] = []
    if !plan.waitUntilAnswered { actions += report(.placed) }
    if plan.playDialtone, common.hasRoom {
      playsDialtone = true
      actions.append(.playDialtone(.room))
    }
    return actions + [.dial(plan)]
  }

  private mutating func progress(_ response: OutboundResponse, _ now: MonotonicTime) -> [CallAction] {
    var actions: [CallAction] = []
    if response.status.code >= 180 {
      actions += learn(HeaderMapping.attributes(from: response.headers, inclusion: .none, mapping: [:]))
      actions += ring(now)
    }
    if response.hasSDP, plan.earlyMedia, !hasEarlyMedia, !readsEarlyMedia {
      readsEarlyMedia = true
      actions.append(.applyAnswer)
    }
    return actions
  }

  private mutating func ring(_ now: MonotonicTime) -> [CallAction] {
    if isRinging { return [] }
    isRinging = true
    common.record.rangAfter = common.age(now)
    return tellOwner(.ringing) + (common.hasRoom ? [.setCallStatus(.ringing)] : [])
  }

  private mutating func beginEarlyMedia() -> [CallAction] {
    guard readsEarlyMedia else { return [] }
    readsEarlyMedia = false
    hasEarlyMedia = true
    return stopDialtone() + (common.hasRoom ? [.attachEarlyMedia] : [])
  }

  private mutating func answered(_ response: OutboundResponse, _ now: MonotonicTime) -> [CallAction] {
    common.isAnswered = true
    common.record.answeredAfter = common.age(now)
    common.record.sipStatus = .ok
    common.transfer.refusesRefer = response.headers.refuseRefer
    state = .answering
    var found = HeaderMapping.attributes(
      from: response.headers, inclusion: plan.includeHeaders, mapping: plan.headersToAttributes)
    if !response.toTag.isEmpty { found[SIPAttribute.callTag] = response.toTag }
    let actions = common.timers.cancel(.ringingTimeout) + stopDialtone() + learn(found)
    if response.hasSDP { return actions + [.applyAnswer] }
    // RFC 3261 §13.2.1: a provisional response may have held the answer, and the 2xx need not repeat it.
    if hasEarlyMedia { return actions + establish() }
    return actions + end(CallEnd(.mediaFailed, detail: "the callee's answer carries no session description"), now)
  }

  private mutating func giveUp(_ now: MonotonicTime) -> [CallAction] {
    let seconds = plan.policy.ringingTimeout.wholeMilliseconds / 1000
    let sentence =
      switch state {
      case .openingMedia: "no media port was opened within \(seconds) s"
      case .joining: "the room was not joined within \(seconds) s"
      default: "\(DialFailure.Kind.noAnswer.sentence) (\(seconds) s)"
      }
    let reason: EndReason =
      switch state {
      case .openingMedia: .mediaFailed
      case .joining: .joinFailed
      default: .dialFailed(.noAnswer)
      }
    return end(CallEnd(reason, detail: sentence), now)
  }
}

// MARK: From the answer on

extension OutboundCallMachine {
  private mutating func establish() -> [CallAction] {
    let limit = common.timers.start(.maxDuration, plan.policy.maxCallDuration)
    switch plan.placement {
    case .room:
      let placed = plan.waitUntilAnswered ? report(.placed) : []
      return [.attachMedia] + limit + placed + (plan.digits.isEmpty ? activate() : automate())
    case .bridge:
      state = .established
      return limit + report(.placed) + tellOwner(.answered(callID: plan.callID)) + common.beginTalking()
    case .takeOver:
      state = .takingOver
      return limit + report(.placed) + tellOwner(.answered(callID: plan.callID))
    }
  }

  private mutating func takeOver() -> [CallAction] {
    common.hasRoom = true
    let own = [
      SIPAttribute.callID: plan.callID, SIPAttribute.callIDFull: plan.sipCallID, SIPAttribute.trunkID: plan.trunkID,
    ]
    return [.attachMedia, .setAttributes(own.merging(attributes) { $1 })] + activate()
  }

  private mutating func automate() -> [CallAction] {
    let timer = common.timers.start(.automation, plan.digits.duration + Self.automationSlack)
    return [.setCallStatus(.automation)] + timer + sendDigits(plan.digits.chunks)
  }

  private mutating func sendDigits(_ rest: [String]) -> [CallAction] {
    guard let next = rest.first else { return activate() }
    state = .automation(Array(rest.dropFirst()))
    return [.sendDigits(next)]
  }

  private mutating func activate() -> [CallAction] {
    state = .established
    return common.timers.cancel(.automation) + [.setCallStatus(.active)] + common.beginTalking()
  }

  private mutating func stopDialtone() -> [CallAction] {
    guard playsDialtone else { return [] }
    playsDialtone = false
    return [.stopDialtone(.room)]
  }

  /// Attributes that the participant does not have yet.
  private mutating func learn(_ found: [String: String]) -> [CallAction] {
    let new = found.filter { attributes[$0.key] != $0.value }
    attributes.merge(new) { $1 }
    return new.isEmpty || !common.hasRoom ? [] : [.setAttributes(new)]
  }
}

// MARK: The end

extension OutboundCallMachine {
  private mutating func end(_ end: CallEnd, _ now: MonotonicTime) -> [CallAction] {
    let told = stopDialtone() + tellOfEnd(error(end))
    if isAnswered { return told + common.close(end, now) }
    guard case .dialling = state, !end.isGone else { return told + common.close(end, sip: [], now) }
    var end = end
    end.status = .requestTerminated
    common.awaitsFinal = true
    return told + common.close(end, sip: [.cancelDial], now)
  }

  private mutating func dialFailed(_ failure: DialFailure, _ now: MonotonicTime) -> [CallAction] {
    let end = CallEnd(.dialFailed(failure.kind), status: failure.status, detail: failure.sentence, isGone: true)
    return stopDialtone() + tellOfEnd(failure.error) + common.close(end, sip: [], now)
  }

  private func error(_ end: CallEnd) -> CallError {
    let code: RPCCode =
      switch end.reason {
      case .dialFailed(.noAnswer): .deadlineExceeded
      case .shutdown, .transportFailed, .terminated: .unavailable
      case .joinFailed:
        switch end.refusal?.reason {
        case .roomFull: .resourceExhausted
        case .roomsUnavailable: .unavailable
        default: .internal
        }
      case .mediaFailed: isAnswered ? .failedPrecondition : .unavailable
      default: .aborted
      }
    return CallError(code, end.detail ?? end.reason.sentence(.outbound))
  }

  /// Who waits for the call learns that it failed; the call whose second leg it is learns of every end.
  private mutating func tellOfEnd(_ error: CallError) -> [CallAction] {
    let event: TransferTargetEvent =
      switch state {
      case .established, .takingOver: .ended
      default: .failed(error)
      }
    return report(.failed(error)) + tellOwner(event)
  }

  private mutating func report(_ report: DialReport) -> [CallAction] {
    if isReported { return [] }
    isReported = true
    return [.reportDialled(report)]
  }

  private func tellOwner(_ event: TransferTargetEvent) -> [CallAction] {
    switch plan.placement {
    case .room: []
    case .bridge(let callID), .takeOver(let callID, _, _): [.reportTarget(event, callID: callID)]
    }
  }
}
