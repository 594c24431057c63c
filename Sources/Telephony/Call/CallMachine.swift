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
///   waiting ──no agent for too long: 200──▶ announcing (hears that nobody is there)
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
    /// Hears that no agent is there, out of the room.
    case announcing(AwaitedAgent)
    case connected
    /// Over for a known reason, but BYE must wait for the ACK (RFC 3261 §15).
    case hangingUp(CallEnd)
  }

  public static let waitReportInterval: Duration = .seconds(10)
  /// How long `sip.callStatus` waits for the phone's first packet after the answer.
  public static let firstMediaLimit: Duration = .seconds(1)
  public static let acknowledgementLimit: Duration = .seconds(32)
  /// A last prompt that takes longer is cut short.
  public static let promptLimit: Duration = .seconds(30)
  /// Longer than any recorded sentence may be.
  public static let announcementLimit: Duration = .seconds(305)
  public static let closingLimit: Duration = .seconds(5)
  public static let pinDigitLimit = 16

  public let call: CallFacts
  /// Nil until the call is let in, and while its PIN is not known.
  public private(set) var dispatch: Dispatch?
  /// The 200 is out.
  public var isAnswered: Bool { common.isAnswered }
  public var isEnded: Bool { common.isEnded }
  /// What another call may take over. Nil: nothing.
  public var place: CallPlace? { common.place(dispatch?.entry) }
  /// What is keyed in is a secret, and none of the room's business.
  public var isEnteringPIN: Bool {
    switch state {
    case .enteringPIN, .checkingPIN: true
    default: false
    }
  }

  private var state = State.new
  private var common: EstablishedCall
  private let hasOffer: Bool
  private var wantsPIN = false
  private var hearsPrompt = false
  private var agent = AgentWatch()
  /// The call whose place this one takes.
  private var takenOverCallID: String?
  /// The 200 is out, and neither an ACK came nor was it given up.
  private var awaitsACK = false
  private var isActive = false
  private var wasCancelledTooLate = false

  /// - Parameters:
  ///   - hasOffer: the INVITE carries SDP.
  ///   - receivedAtUnixMilliseconds: wall-clock time of the INVITE, for the record.
  public init(call: CallFacts, hasOffer: Bool, receivedAtUnixMilliseconds: Int64, now: MonotonicTime) {
    self.call = call
    self.hasOffer = hasOffer
    let record = CallRecord(
      callID: call.callID, sipCallID: call.sipCallID, fromUser: call.fromUser, fromHost: call.fromHost,
      toUser: call.toUser, source: call.source, receivedAtUnixMilliseconds: receivedAtUnixMilliseconds,
      endReason: .terminated, sentence: "")
    common = EstablishedCall(record: record, policy: CallPolicy(), transfer: TransferPolicy(), now: now)
    common.transfer.refusesRefer = call.headers.refuseRefer
  }

  public mutating func handle(_ input: CallInput, now: MonotonicTime) -> [CallAction] {
    if common.isOver { return pass(on: input, now) }
    switch (state, input) {
    case (.hangingUp, .reinvited): return [.refuseReinvite(.noSuchCall, retryAfterSeconds: nil)]
    case (.hangingUp, .transferRequested(let request)): return TransferMachine.refuse(request)
    case (.hangingUp, .referReceived): return [.answerRefer(.noSuchCall)]
    case (.hangingUp, .roomChanged), (.hangingUp, .moveRequested), (.hangingUp, .renegotiated),
      (.hangingUp, .renegotiationFailed):
      return []

    case (.new, .dispatched(let outcome)): return begin(outcome, now)
    case (.new, .takesOver(let takeover)): return begin(takeover, now)
    case (.checkingPIN, .dispatched(let outcome)): return checkPIN(outcome)
    case (.openingMedia, .mediaOpened): return wantsPIN ? askForPIN(now) : join(as: .ringing)
    case (.joining, .roomJoined(let occupancy)): return enter(occupancy, now)
    case (.waiting, .roomChanged(let occupancy)): return wait(occupancy, now)
    case (.enteringPIN(let digits), .digit(let digit)): return enterPIN(digits, digit)
    case (.leaving, .promptPlayed): return end(CallEnd(.wrongPIN), now)
    case (_, .promptPlayed):
      hearsPrompt = false
      return []
    case (.connected, .phoneMediaStarted): return activate()
    case (.announcing(let awaited), .announcementPlayed): return endAnnouncement(awaited, now)
    case (_, .agentAwaited(let awaited)): return note(awaited, now)

    case (_, .acknowledged(let hasSDP)): return acknowledge(hasSDP, now)
    case (_, .cancelled): return cancel(now)
    case (_, .bye(let reason)): return bye(reason, now)
    case (_, .terminated(let detail)) where awaitsACK:
      return end(
        CallEnd(
          unacknowledged, detail: "\(unacknowledged.sentence()): \(detail)", isGone: true, isByPhone: true), now)
    case (_, .reinvited) where isAnswered && !hasOffer && awaitsACK:
      // Our own offer is still open (RFC 3261 §14.2).
      return [.refuseReinvite(SIPStatus(491, "Request Pending"), retryAfterSeconds: nil)]
    case (_, .timerFired(let timer)): return fire(timer, now)
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

// MARK: From the INVITE to the answer

extension CallMachine {
  private mutating func begin(_ outcome: DispatchOutcome, _ now: MonotonicTime) -> [CallAction] {
    let media: MediaOptions
    switch outcome {
    case .refuse(let refusal): return end(CallEnd(.refused(refusal.reason), refusal: refusal), now)
    case .accept(let dispatch):
      accept(dispatch)
      media = dispatch.media
    case .requestPIN(let request):
      wantsPIN = true
      common.policy = request.policy
      common.record.trunkID = request.trunkID
      common.record.trunkLabel = request.trunkLabel
      common.record.ruleID = request.ruleID
      common.record.ruleLabel = request.ruleLabel
      media = request.media
    }
    state = .openingMedia
    common.hasMedia = true
    common.record.rangAfter = common.age(now)
    let policy = common.policy
    return [.ring, .openMedia(media)] + common.timers.start(.ringing, policy.ringingInterval)
      + common.timers.start(.ringingTimeout, policy.ringingTimeout)
      + common.timers.start(.waitReport, Self.waitReportInterval)
      + common.timers.start(.maxDuration, policy.maxCallDuration)
  }

  /// Into the place of another call: no ringing, no rule, no wait for company.
  private mutating func begin(_ takeover: Takeover, _ now: MonotonicTime) -> [CallAction] {
    takenOverCallID = takeover.callID
    common.record.joinedCallID = takeover.callID
    return begin(.accept(takeover.dispatch), now)
  }

  private mutating func accept(_ dispatch: Dispatch) {
    self.dispatch = dispatch
    common.policy = dispatch.policy
    common.transfer.setPolicy(dispatch.transfer)
    common.record.trunkID = dispatch.trunkID
    common.record.trunkLabel = dispatch.trunkLabel
    common.record.ruleID = dispatch.ruleID
    common.record.ruleLabel = dispatch.ruleLabel
    common.record.roomName = dispatch.roomName
    common.record.identity = dispatch.participant.identity
    common.record.krispEnabled = dispatch.krispEnabled
  }

  private mutating func join(as status: CallStatus) -> [CallAction] {
    guard let dispatch else { return [] }
    state = .joining
    common.hasRoom = true
    if let takenOverCallID { return [.takeOverRoom(callID: takenOverCallID)] }
    return [.joinRoom(dispatch.entry, status)]
  }

  private mutating func enter(_ occupancy: RoomOccupancy, _ now: MonotonicTime) -> [CallAction] {
    state = .waiting
    if takenOverCallID != nil {
      _ = common.note(occupancy)
      return connect(now) + [.setAttributes(dispatch?.participant.attributes ?? [:])]
    }
    if !isAnswered { return wait(occupancy, now) }
    state = .connected
    isActive = true
    _ = common.note(occupancy)
    return [.attachMedia] + play(.joiningRoom) + common.timers.cancel(.ringingTimeout) + common.beginTalking()
  }

  private mutating func wait(_ occupancy: RoomOccupancy, _ now: MonotonicTime) -> [CallAction] {
    _ = common.note(occupancy)
    return isAwaited(occupancy) ? connect(now) : agent.watch(common.policy, &common.timers)
  }

  private func isAwaited(_ occupancy: RoomOccupancy) -> Bool {
    switch common.policy.answerPolicy {
    case .trackSubscribed: occupancy.subscribedTracks > 0 || occupancy.phones > 0
    case .participantJoined: occupancy.participants > 0
    case .immediately: true
    }
  }

  private mutating func connect(_ now: MonotonicTime) -> [CallAction] {
    state = .connected
    return common.timers.cancel(.ringingTimeout) + common.timers.cancel(.noAgent) + answer(now) + [.attachMedia]
      + common.timers.start(.firstMedia, Self.firstMediaLimit) + common.beginTalking()
  }

  private mutating func answer(_ now: MonotonicTime) -> [CallAction] {
    common.isAnswered = true
    awaitsACK = true
    common.record.answeredAfter = common.age(now)
    common.record.sipStatus = .ok
    return common.timers.cancel(.ringing) + common.timers.cancel(.waitReport) + [.answer]
      + common.timers.start(.acknowledgement, Self.acknowledgementLimit)
  }
}

// MARK: The agent that does not come

extension CallMachine {
  private mutating func note(_ awaited: AwaitedAgent?, _ now: MonotonicTime) -> [CallAction] {
    let isNews = agent.note(awaited)
    guard case .waiting = state else { return [] }
    if let awaited = agent.isGivenUp { return giveUp(awaited, now) }
    let report: [CallAction] = isNews && awaited?.isNamed == true ? [.reportWaiting(waitingSentence(now))] : []
    return report + agent.watch(common.policy, &common.timers)
  }

  private mutating func giveUp(_ awaited: AwaitedAgent, _ now: MonotonicTime) -> [CallAction] {
    guard common.policy.noAgent == .announce else {
      let refusal = Refusal(.noAgent, sentence: "\(RefusalReason.noAgent.sentence): it waited for \(awaited.sentence)")
      return end(CallEnd(.refused(.noAgent), refusal: refusal), now)
    }
    state = .announcing(awaited)
    common.hasRoom = false
    return [.reportWaiting(waitingSentence(now))] + common.timers.cancel(.ringingTimeout) + answer(now)
      + [.leaveRoom(EndReason.noAgent.disconnectReason), .playAnnouncement(common.policy.noAgentAnnouncement)]
      + common.timers.start(.prompt, Self.announcementLimit)
  }

  private mutating func endAnnouncement(_ awaited: AwaitedAgent, _ now: MonotonicTime) -> [CallAction] {
    end(CallEnd(.noAgent, detail: "\(EndReason.noAgent.sentence()): it waited for \(awaited.sentence)"), now)
  }
}

// MARK: PIN

extension CallMachine {
  private mutating func askForPIN(_ now: MonotonicTime) -> [CallAction] {
    state = .enteringPIN(digits: "")
    return answer(now) + play(.enterPIN)
  }

  /// Digits up to `#`; `#` alone asks for a rule without PIN.
  private mutating func enterPIN(_ digits: String, _ digit: Character) -> [CallAction] {
    let stopped: [CallAction] = hearsPrompt ? [.stopPrompt] : []
    hearsPrompt = false
    if digit == "#" {
      state = .checkingPIN
      return stopped + [.dispatch(digits.isEmpty ? .skipped : .entered(digits))]
    }
    guard digits.count < Self.pinDigitLimit else { return stopped + rejectPIN() }
    state = .enteringPIN(digits: digits + String(digit))
    return stopped
  }

  private mutating func play(_ prompt: CallPrompt) -> [CallAction] {
    hearsPrompt = true
    return [.playPrompt(prompt, sound: common.policy.prompts[prompt] ?? "")]
  }

  private mutating func checkPIN(_ outcome: DispatchOutcome) -> [CallAction] {
    guard case .accept(let dispatch) = outcome else { return rejectPIN() }
    accept(dispatch)
    return join(as: .active)
  }

  private mutating func rejectPIN() -> [CallAction] {
    state = .leaving
    return play(.wrongPIN) + common.timers.cancel(.ringingTimeout)
      + common.timers.start(.prompt, Self.promptLimit)
  }
}

// MARK: The answered call, as far as an INVITE of the phone makes it special

extension CallMachine {
  private mutating func acknowledge(_ hasSDP: Bool, _ now: MonotonicTime) -> [CallAction] {
    guard awaitsACK else { return [] }
    awaitsACK = false
    common.record.acknowledgedAfter = common.age(now)
    let cancelled = common.timers.cancel(.acknowledgement)
    if case .hangingUp(let end) = state { return cancelled + self.end(end, now) }
    if hasOffer { return cancelled }
    if hasSDP { return cancelled + [.applyAnswer] }
    return cancelled + end(CallEnd(.mediaFailed, detail: "the ACK carries no answer to our offer"), now)
  }

  private mutating func activate() -> [CallAction] {
    guard !isActive else { return [] }
    isActive = true
    return common.timers.cancel(.firstMedia) + (common.hasRoom ? [.setCallStatus(.active)] : [])
  }

  private mutating func cancel(_ now: MonotonicTime) -> [CallAction] {
    if !isAnswered { return end(CallEnd(.cancelled, status: .requestTerminated), now) }
    wasCancelledTooLate = awaitsACK
    return []
  }

  private mutating func bye(_ reason: String?, _ now: MonotonicTime) -> [CallAction] {
    guard isAnswered else { return [.refuseTerminated] + end(CallEnd(.cancelled, status: .requestTerminated), now) }
    guard wasCancelledTooLate && awaitsACK else { return pass(on: .bye(reason: reason), now) }
    let detail = reason.map { "\(EndReason.cancelled.sentence()): \($0)" }
    return end(CallEnd(.cancelled, detail: detail, isGone: true, isByPhone: true), now)
  }

  private var unacknowledged: EndReason { wasCancelledTooLate ? .cancelled : .noAcknowledgement }
}

// MARK: Timers

extension CallMachine {
  private mutating func fire(_ timer: CallTimer, _ now: MonotonicTime) -> [CallAction] {
    switch timer {
    case .maxDuration where isAnswered: return pass(on: .timerFired(timer), now)
    case .ringing, .waitReport, .ringingTimeout, .maxDuration, .acknowledgement, .firstMedia, .prompt, .noAgent: break
    case .alone, .closing, .automation, .transfer, .transferred: return pass(on: .timerFired(timer), now)
    }
    guard common.timers.fired(timer) else { return [] }
    switch timer {
    case .ringing: return [.ring] + common.timers.start(.ringing, common.policy.ringingInterval)
    case .waitReport:
      return [.reportWaiting(waitingSentence(now))] + common.timers.start(.waitReport, Self.waitReportInterval)
    case .ringingTimeout: return isAnswered ? giveUpPIN(now) : giveUpRinging(common.policy.ringingTimeout, now)
    case .maxDuration: return giveUpRinging(common.policy.maxCallDuration, now)
    case .acknowledgement:
      awaitsACK = false
      if case .hangingUp(let end) = state { return self.end(end, now) }
      return end(CallEnd(unacknowledged), now)
    case .firstMedia: return activate()
    case .prompt:
      if case .announcing(let awaited) = state { return endAnnouncement(awaited, now) }
      return end(CallEnd(.wrongPIN), now)
    case .noAgent:
      agent.timeIsUp()
      return agent.isGivenUp.map { giveUp($0, now) } ?? []
    default: return []
    }
  }

  /// 480 when nobody came, 486 when somebody came and said nothing.
  private mutating func giveUpRinging(_ limit: Duration, _ now: MonotonicTime) -> [CallAction] {
    let reason: RefusalReason =
      switch state {
      case .openingMedia: .mediaFailed
      case .joining: .joinFailed
      default: common.occupancy.participants == 0 ? .nobodyJoined : .noTrackSubscribed
      }
    let refusal = Refusal(reason, sentence: "\(reason.sentence) (\(limit.wholeMilliseconds / 1000) s)")
    return end(CallEnd(.refused(reason), refusal: refusal), now)
  }

  private mutating func giveUpPIN(_ now: MonotonicTime) -> [CallAction] {
    if case .joining = state { return end(CallEnd(.joinFailed), now) }
    return end(CallEnd(.wrongPIN), now)
  }

  private func waitingSentence(_ now: MonotonicTime) -> String {
    let rung = "has rung for \(common.age(now).wholeMilliseconds / 1000) s"
    let room = dispatch?.roomName ?? ""
    let others = common.occupancy.participants
    switch state {
    case .openingMedia: return "\(rung); waits for a media port"
    case .joining: return "\(rung); waits to be let into room \(room)"
    default: break
    }
    if let awaited = agent.awaited, awaited.isNamed { return "\(rung); waits for \(awaited.sentence)" }
    if others == 0 {
      let other = agent.awaited.map { ", or for \($0.sentence)" } ?? ""
      return "\(rung); waits for someone to join room \(room)\(other)"
    }
    let present = others == 1 ? "1 participant is there and publishes" : "\(others) participants are there and publish"
    return "\(rung); waits for an audio track in room \(room): \(present) none"
  }
}

// MARK: The end

extension CallMachine {
  private mutating func end(_ end: CallEnd, _ now: MonotonicTime) -> [CallAction] {
    if awaitsACK, !end.isGone, end.reason != .shutdown { return hangUpLater(end) }
    var end = end
    if case .hangingUp(let first) = state {
      // A call that is over already keeps its reason.
      end.reason = first.reason
      end.detail = first.detail
      end.headers = first.headers
    }
    guard !isAnswered, let refusal = end.refusal else { return common.close(end, sip: isAnswered ? nil : [], now) }
    end.reason = .refused(refusal.reason)
    end.detail = refusal.sentence
    end.status = refusal.status
    return common.close(end, sip: [.refuse(refusal)], now)
  }

  /// Nothing happens any more but the ACK, or its being given up (RFC 3261 §15).
  private mutating func hangUpLater(_ end: CallEnd) -> [CallAction] {
    if case .hangingUp = state { return [] }
    state = .hangingUp(end)
    return common.timers.cancelAll(but: .acknowledgement)
  }
}

extension [CallFacts.Header] {
  /// An Allow header is there and does not name REFER (RFC 3261 §20.5).
  var refuseRefer: Bool {
    let allow = filter { $0.name.lowercased() == "allow" }
    return !allow.isEmpty
      && !allow.contains { $0.value.uppercased().split { $0 == "," || $0 == " " }.contains("REFER") }
  }
}
