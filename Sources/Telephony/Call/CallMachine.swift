import Base

/// The life of one inbound call, from the INVITE to its record.
///
/// ```
///  INVITE
///    │
///    ▼    let in: 180        port open         in the room          policy met: 200
///   new ────────────▶ openingMedia ───▶ joining ───────────▶ waiting ────────────▶ connected
///                          │              ▲  │                                         ▲
///                 PIN: 200 │    PIN right │  └───────── answered already ──────────────┘
///                          ▼      #       │
///                     enteringPIN ──▶ checkingPIN ──▶ leaving (hears that it was wrong)
///
///  each of these ──▶ closing ──▶ ended
///    before the 200: refused 4xx, 5xx · CANCEL 487 · rung out 480, 486 · room gone 486
///    after the 200:  BYE of either side · room gone · alone · no RTP · no ACK · too long · wrong PIN;
///                    our BYE waits in hangingUp for the ACK, 32 s at most
///    closing:        until the media loop reports its totals, 5 s at most; then exactly one record
/// ```
///
/// - What is open at the end is closed in this order: SIP, `sip.callStatus`, timers, media, room, record.
/// - Retransmissions never get here; an input that comes twice, or too late, changes nothing.
/// - A CANCEL that crosses our 200 has no effect (RFC 3261 §9.2): ACK and BYE, or no ACK, end the call.
/// - An INVITE without SDP is answered with our offer; the ACK must carry the answer.
public struct CallMachine: Sendable {
  private enum State {
    case new
    case openingMedia
    case joining
    case waiting
    case enteringPIN(digits: String)
    case checkingPIN
    /// Hears a last prompt.
    case leaving
    case connected
    /// Over for a known reason, but BYE must wait for the ACK (RFC 3261 §15).
    case hangingUp(EndReason)
    case closing
    case ended
  }

  public static let waitReportInterval: Duration = .seconds(10)
  /// How long `sip.callStatus` waits for the phone's first packet after the answer.
  public static let firstMediaLimit: Duration = .seconds(1)
  public static let acknowledgementLimit: Duration = .seconds(32)
  public static let promptLimit: Duration = .seconds(4)
  public static let closingLimit: Duration = .seconds(5)
  public static let pinDigitLimit = 16

  public let call: CallFacts
  /// Nil until the call is let in, and while its PIN is not known.
  public private(set) var dispatch: Dispatch?
  /// The 200 is out.
  public private(set) var isAnswered = false
  public var isEnded: Bool { if case .ended = state { true } else { false } }

  private var state = State.new
  private var policy = CallPolicy()
  private let hasOffer: Bool
  private let receivedAt: MonotonicTime
  private var record: CallRecord
  private var occupancy = RoomOccupancy()
  private var timers: Set<CallTimer> = []
  private var wantsPIN = false
  private var hasMedia = false
  private var hasRoom = false
  /// The 200 is out, and neither an ACK came nor was it given up.
  private var awaitsACK = false
  private var isActive = false
  private var isOnHold = false
  private var isRenegotiating = false
  private var wasCancelledTooLate = false
  private var hadCompany = false

  /// - Parameters:
  ///   - hasOffer: the INVITE carries SDP.
  ///   - receivedAtUnixMilliseconds: wall-clock time of the INVITE, for the record.
  public init(call: CallFacts, hasOffer: Bool, receivedAtUnixMilliseconds: Int64, now: MonotonicTime) {
    self.call = call
    self.hasOffer = hasOffer
    receivedAt = now
    record = CallRecord(
      callID: call.callID, sipCallID: call.sipCallID, fromUser: call.fromUser, fromHost: call.fromHost,
      toUser: call.toUser, source: call.source, receivedAtUnixMilliseconds: receivedAtUnixMilliseconds,
      endReason: .terminated, sentence: "")
  }

  public mutating func handle(_ input: CallInput, now: MonotonicTime) -> [CallAction] {
    switch (state, input) {
    case (.ended, _): []
    case (.closing, .mediaClosed(let media)): finishRecord(media)
    case (.closing, .timerFired(.closing)): finishRecord(nil)
    case (.closing, .reinvited), (.hangingUp, .reinvited): [.refuseReinvite(.noSuchCall, retryAfterSeconds: nil)]
    case (.closing, _): []

    case (.new, .dispatched(let outcome)): begin(outcome, now)
    case (.checkingPIN, .dispatched(let outcome)): checkPIN(outcome)
    case (.openingMedia, .mediaOpened): wantsPIN ? askForPIN(now) : join(as: .ringing)
    case (.joining, .roomJoined(let occupancy)): enter(occupancy, now)
    case (.joining, .joinFailed(let fault)): end(.joinFailed, refusal: fault.refusal, now)
    case (.enteringPIN(let digits), .digit(let digit)): enterPIN(digits, digit)
    case (_, .roomChanged(let occupancy)): change(occupancy, now)
    case (_, .mediaFailed(let fault)) where hasMedia: end(.mediaFailed, refusal: fault.refusal, now)

    case (_, .acknowledged(let hasSDP)): acknowledge(hasSDP, now)
    case (_, .cancelled): cancel(now)
    case (_, .bye(let reason)): bye(reason, now)
    case (_, .reinvited): reinvite()
    case (_, .renegotiated(let isOnHold)): renegotiated(isOnHold)
    case (_, .renegotiationFailed(let fault)): renegotiationFailed(fault)
    case (_, .terminated(let detail)): terminate(detail, now)
    case (_, .transportFailed(let detail)): failTransport(detail, now)

    case (.connected, .phoneMediaStarted): activate()
    case (_, .phoneMediaTimedOut) where isAnswered && !isOnHold: end(.mediaTimeout, now)
    case (_, .participantRemoved) where hasRoom: end(.removed, refusal: Refusal(.removed), now)
    case (_, .roomDeleted) where hasRoom: end(.roomDeleted, refusal: Refusal(.roomDeleted), now)
    case (_, .endRequested) where hasRoom: end(.endRequested, refusal: Refusal(.removed), now)
    case (_, .shutdown): end(.shutdown, refusal: Refusal(.shutdown), now)
    case (_, .timerFired(let timer)): fire(timer, now)

    case (_, .dispatched), (_, .mediaOpened), (_, .roomJoined), (_, .joinFailed), (_, .digit), (_, .phoneMediaStarted),
      (_, .phoneMediaTimedOut), (_, .participantRemoved), (_, .roomDeleted), (_, .endRequested), (_, .mediaFailed),
      (_, .mediaClosed), (_, .moveRequested), (_, .progress), (_, .answered), (_, .dialFailed), (_, .answerApplied),
      (_, .digitsSent), (_, .transferRequested), (_, .referAnswered), (_, .referNotified), (_, .target),
      (_, .referReceived), (_, .takesOver), (_, .replaced):
      []
    }
  }
}

// MARK: From the INVITE to the answer

extension CallMachine {
  private mutating func begin(_ outcome: DispatchOutcome, _ now: MonotonicTime) -> [CallAction] {
    let media: MediaOptions
    switch outcome {
    case .refuse(let refusal): return end(.refused(refusal.reason), refusal: refusal, now)
    case .accept(let dispatch):
      accept(dispatch)
      media = dispatch.media
    case .requestPIN(let request):
      wantsPIN = true
      policy = request.policy
      record.trunkID = request.trunkID
      record.trunkLabel = request.trunkLabel
      record.ruleID = request.ruleID
      record.ruleLabel = request.ruleLabel
      media = request.media
    }
    state = .openingMedia
    hasMedia = true
    record.rangAfter = now - receivedAt
    return [.ring, .openMedia(media)] + start(.ringing, policy.ringingInterval)
      + start(.ringingTimeout, policy.ringingTimeout) + start(.waitReport, Self.waitReportInterval)
      + start(.maxDuration, policy.maxCallDuration)
  }

  private mutating func accept(_ dispatch: Dispatch) {
    self.dispatch = dispatch
    policy = dispatch.policy
    record.trunkID = dispatch.trunkID
    record.trunkLabel = dispatch.trunkLabel
    record.ruleID = dispatch.ruleID
    record.ruleLabel = dispatch.ruleLabel
    record.roomName = dispatch.roomName
    record.identity = dispatch.participant.identity
  }

  private mutating func join(as status: CallStatus) -> [CallAction] {
    guard let dispatch else { return [] }
    state = .joining
    hasRoom = true
    return [.joinRoom(dispatch.entry, status)]
  }

  private mutating func enter(_ occupancy: RoomOccupancy, _ now: MonotonicTime) -> [CallAction] {
    state = .waiting
    if !isAnswered { return change(occupancy, now) }
    state = .connected
    isActive = true
    return [.attachMedia] + cancel(.ringingTimeout) + change(occupancy, now)
  }

  private mutating func change(_ occupancy: RoomOccupancy, _ now: MonotonicTime) -> [CallAction] {
    self.occupancy = occupancy
    if occupancy.participants > 0 { hadCompany = true }
    switch state {
    case .waiting: return isAwaited(occupancy) ? connect(now) : []
    case .connected: return watchCompany()
    default: return []
    }
  }

  private func isAwaited(_ occupancy: RoomOccupancy) -> Bool {
    switch policy.answerPolicy {
    case .trackSubscribed: occupancy.subscribedTracks > 0 || occupancy.phones > 0
    case .participantJoined: occupancy.participants > 0
    case .immediately: true
    }
  }

  private mutating func connect(_ now: MonotonicTime) -> [CallAction] {
    state = .connected
    return cancel(.ringingTimeout) + answer(now) + [.attachMedia] + start(.firstMedia, Self.firstMediaLimit)
      + watchCompany()
  }

  private mutating func answer(_ now: MonotonicTime) -> [CallAction] {
    isAnswered = true
    awaitsACK = true
    record.answeredAfter = now - receivedAt
    record.sipStatus = .ok
    return cancel(.ringing) + cancel(.waitReport) + [.answer] + start(.acknowledgement, Self.acknowledgementLimit)
  }
}

// MARK: PIN

extension CallMachine {
  private mutating func askForPIN(_ now: MonotonicTime) -> [CallAction] {
    state = .enteringPIN(digits: "")
    return answer(now) + [.playPrompt(.enterPIN)]
  }

  /// Digits up to `#`; `#` alone asks for a rule without PIN.
  private mutating func enterPIN(_ digits: String, _ digit: Character) -> [CallAction] {
    if digit == "#" {
      state = .checkingPIN
      return [.dispatch(digits.isEmpty ? .skipped : .entered(digits))]
    }
    guard digits.count < Self.pinDigitLimit else { return rejectPIN() }
    state = .enteringPIN(digits: digits + String(digit))
    return []
  }

  private mutating func checkPIN(_ outcome: DispatchOutcome) -> [CallAction] {
    guard case .accept(let dispatch) = outcome else { return rejectPIN() }
    accept(dispatch)
    return [.playPrompt(.joiningRoom)] + join(as: .active)
  }

  private mutating func rejectPIN() -> [CallAction] {
    state = .leaving
    return [.playPrompt(.wrongPIN)] + cancel(.ringingTimeout) + start(.prompt, Self.promptLimit)
  }
}

// MARK: The answered call

extension CallMachine {
  private mutating func acknowledge(_ hasSDP: Bool, _ now: MonotonicTime) -> [CallAction] {
    guard awaitsACK else { return [] }
    awaitsACK = false
    record.acknowledgedAfter = now - receivedAt
    let cancelled = cancel(.acknowledgement)
    if case .hangingUp(let reason) = state { return cancelled + end(reason, now) }
    if hasOffer { return cancelled }
    if hasSDP { return cancelled + [.applyAnswer] }
    return cancelled + end(.mediaFailed, detail: "the ACK carries no answer to our offer", now)
  }

  private mutating func activate() -> [CallAction] {
    guard !isActive else { return [] }
    isActive = true
    return cancel(.firstMedia) + [.setCallStatus(.active)]
  }

  /// Whoever never had company may wait as long as a phone may ring.
  private mutating func watchCompany() -> [CallAction] {
    guard policy.hangupWhenAlone, occupancy.participants == 0 else { return cancel(.alone) }
    return timers.contains(.alone) ? [] : start(.alone, hadCompany ? policy.departureTimeout : policy.ringingTimeout)
  }

  /// RFC 3261 §14.2: no re-INVITE before the answer, none beside another, none while our offer is open.
  private mutating func reinvite() -> [CallAction] {
    guard isAnswered, !isRenegotiating else {
      return [.refuseReinvite(SIPStatus(500, "Server Internal Error"), retryAfterSeconds: 2)]
    }
    guard hasOffer || !awaitsACK else {
      return [.refuseReinvite(SIPStatus(491, "Request Pending"), retryAfterSeconds: nil)]
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

  private mutating func cancel(_ now: MonotonicTime) -> [CallAction] {
    if !isAnswered { return end(.cancelled, status: .requestTerminated, now) }
    wasCancelledTooLate = awaitsACK
    return []
  }

  private mutating func bye(_ reason: String?, _ now: MonotonicTime) -> [CallAction] {
    guard isAnswered else { return [.refuseTerminated] + end(.cancelled, status: .requestTerminated, now) }
    let end = wasCancelledTooLate && awaitsACK ? EndReason.cancelled : .hangup
    return self.end(end, detail: reason.map { "\(end.sentence): \($0)" }, isGone: true, now)
  }

  private mutating func terminate(_ detail: String, _ now: MonotonicTime) -> [CallAction] {
    let end: EndReason = awaitsACK ? unacknowledged : .terminated
    return self.end(end, detail: "\(end.sentence): \(detail)", isGone: true, now)
  }

  private mutating func failTransport(_ detail: String, _ now: MonotonicTime) -> [CallAction] {
    let refusal = Refusal(.transportFailed, sentence: "\(RefusalReason.transportFailed.sentence): \(detail)")
    return end(.transportFailed, refusal: refusal, detail: refusal.sentence, now)
  }

  private var unacknowledged: EndReason { wasCancelledTooLate ? .cancelled : .noAcknowledgement }
}

// MARK: Timers

extension CallMachine {
  private mutating func fire(_ timer: CallTimer, _ now: MonotonicTime) -> [CallAction] {
    guard timers.remove(timer) != nil else { return [] }
    switch timer {
    case .ringing: return [.ring] + start(.ringing, policy.ringingInterval)
    case .waitReport:
      return [.reportWaiting(waitingSentence(now))] + start(.waitReport, Self.waitReportInterval)
    case .ringingTimeout: return isAnswered ? giveUpPIN(now) : giveUpRinging(policy.ringingTimeout, now)
    case .maxDuration: return isAnswered ? end(.maxDuration, now) : giveUpRinging(policy.maxCallDuration, now)
    case .acknowledgement:
      awaitsACK = false
      return end(unacknowledged, now)
    case .firstMedia: return activate()
    case .alone: return end(.alone, now)
    case .prompt: return end(.wrongPIN, now)
    case .closing, .cancelling, .automation, .transfer, .transferred: return []
    }
  }

  /// 480 when nobody came, 486 when somebody came and said nothing.
  private mutating func giveUpRinging(_ limit: Duration, _ now: MonotonicTime) -> [CallAction] {
    let reason: RefusalReason =
      switch state {
      case .openingMedia: .mediaFailed
      case .joining: .joinFailed
      default: occupancy.participants == 0 ? .nobodyJoined : .noTrackSubscribed
      }
    let refusal = Refusal(reason, sentence: "\(reason.sentence) (\(limit.wholeMilliseconds / 1000) s)")
    return end(.refused(reason), refusal: refusal, now)
  }

  private mutating func giveUpPIN(_ now: MonotonicTime) -> [CallAction] {
    if case .joining = state { return end(.joinFailed, now) }
    return end(.wrongPIN, now)
  }

  private func waitingSentence(_ now: MonotonicTime) -> String {
    let rung = "has rung for \((now - receivedAt).wholeMilliseconds / 1000) s"
    let room = dispatch?.roomName ?? ""
    let others = occupancy.participants
    switch state {
    case .openingMedia: return "\(rung); waits for a media port"
    case .joining: return "\(rung); waits to be let into room \(room)"
    default: break
    }
    if others == 0 { return "\(rung); waits for someone to join room \(room)" }
    let present = others == 1 ? "1 participant is there and publishes" : "\(others) participants are there and publish"
    return "\(rung); waits for an audio track in room \(room): \(present) none"
  }

  private mutating func start(_ timer: CallTimer, _ duration: Duration) -> [CallAction] {
    timers.insert(timer)
    return [.startTimer(timer, after: duration)]
  }

  private mutating func cancel(_ timer: CallTimer) -> [CallAction] {
    timers.remove(timer) == nil ? [] : [.cancelTimer(timer)]
  }
}

// MARK: The end

extension CallMachine {
  /// - Parameters:
  ///   - refusal: what a call that is not answered gets; an answered one gets BYE.
  ///   - status: the final response that someone else has sent already.
  ///   - isGone: the peer knows of the end, or cannot be told.
  private mutating func end(
    _ reason: EndReason, refusal: Refusal? = nil, status: SIPStatus? = nil, detail: String? = nil,
    isGone: Bool = false, _ now: MonotonicTime
  ) -> [CallAction] {
    if awaitsACK, !isGone, reason != .shutdown { return hangUpLater(reason, detail) }
    var actions: [CallAction] = []
    if isRenegotiating { actions.append(.refuseReinvite(.requestTerminated, retryAfterSeconds: nil)) }
    if let refusal, !isAnswered {
      record.endReason = .refused(refusal.reason)
      record.sentence = refusal.sentence
      record.sipStatus = refusal.status
      actions.append(.refuse(refusal))
    } else if case .hangingUp(let first) = state {
      record.endReason = first
    } else {
      record.endReason = reason
      record.sentence = detail ?? reason.sentence
      record.sipStatus = status ?? record.sipStatus
    }
    if isAnswered, !isGone { actions.append(.hangUp(reason: record.endReason.sentence)) }
    if hasRoom, record.endReason.setsHangupStatus { actions.append(.setCallStatus(.hangup)) }
    for timer in CallTimer.allCases { actions += cancel(timer) }
    record.endedAfter = now - receivedAt
    return actions + release()
  }

  /// Nothing happens any more but the ACK, or its being given up.
  private mutating func hangUpLater(_ reason: EndReason, _ detail: String?) -> [CallAction] {
    if case .hangingUp = state { return [] }
    state = .hangingUp(reason)
    record.sentence = detail ?? reason.sentence
    return CallTimer.allCases.filter { $0 != .acknowledgement }.flatMap { cancel($0) }
  }

  private mutating func release() -> [CallAction] {
    var actions: [CallAction] = []
    if hasMedia { actions.append(.closeMedia) }
    if hasRoom { actions.append(.leaveRoom()) }
    guard hasMedia else { return actions + finishRecord(nil) }
    state = .closing
    return actions + start(.closing, Self.closingLimit)
  }

  private mutating func finishRecord(_ media: CallMedia?) -> [CallAction] {
    let cancelled = media == nil ? [] : cancel(.closing)
    state = .ended
    record.media = media
    return cancelled + [.writeRecord(record)]
  }
}
