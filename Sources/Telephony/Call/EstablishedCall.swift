import Base

/// What is the same in every call, whoever placed it: the answered call, and the way any call is wound up.
///
/// The owner (`CallMachine`, `OutboundCallMachine`) brings the call here, passes on what it does not handle itself, and
/// carries out the end that `CallStep.end` asks for with `close`.
struct EstablishedCall: Sendable {
  private enum Phase: Sendable {
    case open
    /// The phone talks to another call of ours; there is no room any more.
    case bridged
    case closing
    case ended
  }

  var record: CallRecord
  var policy: CallPolicy
  var timers = CallTimers()
  var transfer: TransferMachine
  var hasMedia = false
  var hasRoom = false
  /// A 2xx is out, or in.
  var isAnswered = false
  /// The phone and the room hear each other.
  var isTalking = false
  /// The final response to a cancelled INVITE is still to come.
  var awaitsFinal = false
  var isOnHold = false
  private(set) var occupancy = RoomOccupancy()
  private var isRenegotiating = false
  private var hadCompany = false
  private var isMediaClosed = false
  private var phase = Phase.open
  private let startedAt: MonotonicTime

  init(record: CallRecord, policy: CallPolicy, transfer: TransferPolicy, now: MonotonicTime) {
    self.record = record
    self.policy = policy
    self.transfer = TransferMachine(callID: record.callID, policy: transfer)
    startedAt = now
  }

  var isEnded: Bool { if case .ended = phase { true } else { false } }
  /// Closing, or ended.
  var isOver: Bool {
    switch phase {
    case .open, .bridged: false
    case .closing, .ended: true
    }
  }

  /// What another call may take over. Nil: nothing.
  func place(_ entry: RoomEntry?) -> CallPlace? {
    guard var entry, hasRoom, isTalking, !isOver, !transfer.isActive else { return nil }
    entry.roomName = record.roomName
    entry.participant.identity = record.identity
    return CallPlace(callID: record.callID, trunkID: record.trunkID, entry: entry, policy: policy)
  }

  func age(_ now: MonotonicTime) -> Duration { now - startedAt }
}

// MARK: Inputs

extension EstablishedCall {
  mutating func handle(_ input: CallInput, _ now: MonotonicTime) -> CallStep {
    if isOver { return .act(wind(up: input)) }
    switch input {
    case .roomChanged(let occupancy): return .act(note(occupancy))
    case .roomJoined(let occupancy) where hasRoom:
      // Of another room: the sound follows.
      return .act((isTalking ? [.attachMedia] : []) + note(occupancy))
    case .joinFailed(let fault) where hasRoom:
      return .end(
        CallEnd(.joinFailed, refusal: fault.refusal, detail: "\(sentence(.joinFailed)): \(fault.text)"))
    case .bye(let reason): return bye(reason)
    case .terminated(let detail):
      return .end(CallEnd(.terminated, detail: "\(sentence(.terminated)): \(detail)", isGone: true, isByPhone: true))
    case .transportFailed(let detail): return failTransport(detail)
    case .mediaFailed(let fault) where hasMedia:
      return .end(
        CallEnd(.mediaFailed, refusal: fault.refusal, detail: "\(sentence(.mediaFailed)): \(fault.text)"))
    case .phoneMediaTimedOut where isAnswered && !isOnHold: return .end(CallEnd(.mediaTimeout))
    case .participantRemoved where hasRoom: return .end(CallEnd(.removed, refusal: Refusal(.removed)))
    case .roomDeleted where hasRoom: return .end(CallEnd(.roomDeleted, refusal: Refusal(.roomDeleted)))
    case .roomLost(let detail) where hasRoom:
      let fault = JoinFault.unavailable(detail)
      return .end(
        CallEnd(.roomLost, refusal: fault.refusal, detail: "\(sentence(.roomLost)): \(detail)"))
    case .roomMoved(let room) where hasRoom:
      record.roomName = room
      return .act([])
    case .endRequested(let headers):
      return .end(CallEnd(.endRequested, refusal: Refusal(.removed), headers: headers))
    case .targetUnwanted(let sentence):
      return .end(isAnswered ? CallEnd(.bridgeEnded) : CallEnd(.cancelled, detail: sentence))
    case .shutdown: return .end(CallEnd(.shutdown, refusal: Refusal(.shutdown)))
    case .reinvited: return .act(reinvite())
    case .renegotiated(let isOnHold): return .act(renegotiated(isOnHold))
    case .renegotiationFailed(let fault): return .act(renegotiationFailed(fault))
    case .moveRequested(let entry): return .act(move(to: entry))
    case .replaced(let callID): return replace(by: callID)
    case .timerFired(let timer): return fire(timer)
    case .transferRequested, .referAnswered, .referNotified, .target, .referReceived: return handleTransfer(input)
    default: return .act([])
    }
  }

  /// Once the call is over.
  private mutating func wind(up input: CallInput) -> [CallAction] {
    switch input {
    case .transferRequested(let request): return TransferMachine.refuse(request)
    case .referReceived: return isEnded ? [] : [.answerRefer(.noSuchCall)]
    case .reinvited: return isEnded ? [] : [.refuseReinvite(.noSuchCall, retryAfterSeconds: nil)]
    case _ where isEnded: return []
    case .mediaClosed(let media):
      record.media = media
      isMediaClosed = true
      return finishIfDone()
    case .timerFired(.closing) where timers.fired(.closing):
      awaitsFinal = false
      isMediaClosed = true
      return finishIfDone()
    case .dialFailed, .terminated:
      awaitsFinal = false
      return finishIfDone()
    case .answered where awaitsFinal:
      // The answer crossed our CANCEL (RFC 3261 §9.1).
      awaitsFinal = false
      return [.hangUp(reason: record.sentence)] + finishIfDone()
    default: return []
    }
  }

  private func bye(_ reason: String?) -> CallStep {
    let end: EndReason = transfer.isAwaitingProvider ? .transferred : .hangup
    let detail = reason.map { "\(sentence(end)): \($0)" }
    return .end(CallEnd(end, detail: detail, isGone: true, isByPhone: true))
  }

  private func failTransport(_ detail: String) -> CallStep {
    let refusal = Refusal(.transportFailed, sentence: "\(RefusalReason.transportFailed.sentence): \(detail)")
    return .end(CallEnd(.transportFailed, refusal: refusal, detail: "\(sentence(.transportFailed)): \(detail)"))
  }

  private func sentence(_ reason: EndReason) -> String { reason.sentence(record.direction) }

  private mutating func fire(_ timer: CallTimer) -> CallStep {
    guard timers.fired(timer) else { return .act([]) }
    switch timer {
    case .alone: return .end(CallEnd(.alone))
    case .maxDuration: return .end(CallEnd(.maxDuration))
    case .transfer: return apply(transfer.timeIsUp(&record, &timers))
    case .transferred: return .end(CallEnd(.transferred))
    default: return .act([])
    }
  }
}

// MARK: Company

extension EstablishedCall {
  /// Phone and room hear each other from here on.
  mutating func beginTalking() -> [CallAction] {
    isTalking = true
    return watchCompany()
  }

  mutating func note(_ occupancy: RoomOccupancy) -> [CallAction] {
    self.occupancy = occupancy
    if occupancy.participants > 0 { hadCompany = true }
    return isTalking ? watchCompany() : []
  }

  /// Whoever never had company may wait as long as a phone may ring. Whoever is being transferred is not alone.
  private mutating func watchCompany() -> [CallAction] {
    guard policy.hangupWhenAlone, hasRoom, occupancy.participants == 0, !transfer.isActive else {
      return timers.cancel(.alone)
    }
    if timers.isRunning(.alone) { return [] }
    return timers.start(.alone, hadCompany ? policy.departureTimeout : policy.ringingTimeout)
  }

  private mutating func move(to entry: RoomEntry) -> [CallAction] {
    guard hasRoom, isTalking, !transfer.isActive else { return [] }
    record.roomName = entry.roomName
    record.identity = entry.participant.identity
    occupancy = RoomOccupancy()
    hadCompany = false
    return timers.cancel(.alone) + [.moveRoom(entry)]
  }

  private mutating func replace(by callID: String) -> CallStep {
    guard hasRoom, isTalking, !transfer.isActive else { return .act([]) }
    hasRoom = false
    record.joinedCallID = callID
    return .end(CallEnd(.replaced), [.handOverRoom(toCallID: callID)])
  }
}

// MARK: re-INVITE

extension EstablishedCall {
  /// RFC 3261 §14.2: no re-INVITE before the answer, none beside another.
  private mutating func reinvite() -> [CallAction] {
    guard isAnswered, !isRenegotiating else {
      return [.refuseReinvite(SIPStatus(500, "Server Internal Error"), retryAfterSeconds: 2)]
    }
    isRenegotiating = true
    return [.renegotiate]
  }

  private mutating func renegotiated(_ isOnHold: Bool) -> [CallAction] {
    guard isRenegotiating else { return [] }
    isRenegotiating = false
    self.isOnHold = isOnHold
    return [.answerReinvite]
  }

  /// The call goes on as it was (RFC 3261 §14.2).
  private mutating func renegotiationFailed(_ fault: MediaFault) -> [CallAction] {
    guard isRenegotiating else { return [] }
    isRenegotiating = false
    return [.refuseReinvite(fault.refusal.status, retryAfterSeconds: nil)]
  }
}

// MARK: Transfer

extension EstablishedCall {
  private mutating func handleTransfer(_ input: CallInput) -> CallStep {
    switch input {
    case .transferRequested(let request):
      guard isTalking else { return .act(TransferMachine.refuse(request)) }
      return apply(transfer.request(request, &record, &timers))
    case .referReceived(let target):
      guard isTalking, hasRoom else { return .act([.answerRefer(SIPStatus(603, "Decline"))]) }
      return apply(transfer.referReceived(target, record))
    case .referAnswered(let status, let sequence):
      return apply(transfer.referAnswered(status, sequence: sequence, &record, &timers))
    case .referNotified(let notification): return apply(transfer.notified(notification, &record, &timers))
    case .target(let event): return apply(transfer.target(event, &record, &timers))
    default: return .act([])
    }
  }

  private mutating func apply(_ step: TransferMachine.Step) -> CallStep {
    switch step.event {
    case .none: return .act(step.actions + (isTalking ? watchCompany() : []))
    case .sentAway:
      return .act(step.actions + timers.cancel(.alone) + timers.start(.transferred, TransferMachine.byeLimit))
    case .bridged(let callID): return .act(step.actions + bridge(to: callID))
    case .relayed(let callID):
      hasRoom = false
      record.joinedCallID = callID
      return .act(
        step.actions + [.handOverRoom(toCallID: callID)] + timers.cancel(.alone)
          + timers.start(.transferred, TransferMachine.byeLimit))
    case .bridgeEnded: return .end(CallEnd(.bridgeEnded), step.actions)
    }
  }

  /// The room sees what it sees of any transfer: the participant leaves.
  private mutating func bridge(to callID: String) -> [CallAction] {
    phase = .bridged
    record.joinedCallID = callID
    var actions: [CallAction] = [.joinLegs(callID: callID)] + timers.cancel(.alone)
    if hasRoom { actions += [.setCallStatus(.hangup), .leaveRoom()] }
    hasRoom = false
    return actions
  }
}

// MARK: The end

extension EstablishedCall {
  /// Closes what is open, in this order: SIP, `sip.callStatus`, timers, media, room, record.
  ///
  /// - Parameter sip: what ends the INVITE or the dialog; nil: BYE where the call is answered and the peer not gone.
  mutating func close(_ end: CallEnd, sip: [CallAction]? = nil, _ now: MonotonicTime) -> [CallAction] {
    record.endReason = end.reason
    record.sentence = end.detail ?? sentence(end.reason)
    record.sipStatus = end.status ?? record.sipStatus
    var actions = transfer.callEnded(byPhone: end.isByPhone, record.sentence, &record)
    if isRenegotiating { actions.append(.refuseReinvite(.requestTerminated, retryAfterSeconds: nil)) }
    if let sip {
      actions += sip
    } else if isAnswered, !end.isGone {
      actions.append(.hangUp(reason: sentence(end.reason), headers: end.headers))
    }
    if hasRoom, end.reason.setsHangupStatus { actions.append(.setCallStatus(.hangup)) }
    actions += timers.cancelAll()
    record.endedAfter = age(now)
    if hasMedia { actions.append(.closeMedia) } else { isMediaClosed = true }
    if hasRoom { actions.append(.leaveRoom(end.reason.disconnectReason)) }
    phase = .closing
    let done = finishIfDone()
    return actions + (isEnded ? done : timers.start(.closing, CallMachine.closingLimit))
  }

  private mutating func finishIfDone() -> [CallAction] {
    guard isMediaClosed, !awaitsFinal else { return [] }
    phase = .ended
    return timers.cancel(.closing) + [.writeRecord(record)]
  }
}
