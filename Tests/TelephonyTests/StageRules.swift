import Base
import Testing

@testable import Telephony

/// What the surroundings of a call can carry out: each action is checked against those before it.
struct StageRules {
  /// Whether the machine, after the input, says that the call is answered.
  var isAnswered = false
  private(set) var records: [CallRecord] = []
  /// The first broken rule.
  private(set) var violation: String?
  private(set) var deadlines: [CallTimer: MonotonicTime] = [:]
  private var hasMedia = false
  private var hasRoom = false
  private var isMediaClosed = false
  private var hasLeft = false
  private var isFinal = false
  private var hasHungUp = false
  var mayHangUp = false
  var openReinvites = 0
  var openRefers = 0
  private var isSubscribed = false
  private var hasDialled = false
  private var hasCancelled = false
  private var reports = 0
  private var tones: Set<CallSide> = []
  private var hasTarget = false
  /// Transfer requests without a result.
  private(set) var waiters: Set<TransferRequest.ID> = []
  let direction: CallDirection
  /// The room comes from another call, once this one is answered.
  var takesOver = false
  private var mayTakeOver = false

  init(_ direction: CallDirection) { self.direction = direction }

  mutating func note(_ input: CallInput, isEnded: Bool) {
    switch input {
    case .reinvited where !isEnded: openReinvites += 1
    case .referReceived where !isEnded: openRefers += 1
    case .transferRequested(let request): waiters.insert(request.id)
    case .timerFired(let timer): deadlines[timer] = nil
    case .roomJoined where mayTakeOver && !isEnded:
      hasRoom = hasRoom || records.isEmpty && !isMediaClosed
    default: break
    }
  }

  /// After an input: nothing that must be answered at once is open.
  mutating func check(isEnded: Bool) {
    if openReinvites > 1 { fail("\(openReinvites) re-INVITEs are open") }
    if openRefers > 0 { fail("a REFER is not answered") }
    if !records.isEmpty, !isEnded { fail("a record before the end") }
  }

  mutating func fail(_ text: String) { violation = violation ?? text }

  private mutating func demand(_ condition: Bool, _ text: String) { if !condition { fail(text) } }

  mutating func apply(_ action: CallAction, now: MonotonicTime) {
    if case .reportTransfer = action {} else { demand(records.isEmpty, "\(action) after the record") }
    switch action {
    case .ring: demand(!isFinal && direction == .inbound, "180 after the final response")
    case .openMedia:
      demand(!hasMedia, "two ports")
      hasMedia = true
    case .joinRoom, .takeOverRoom:
      demand(!hasRoom, "two rooms")
      hasRoom = true
    case .moveRoom: demand(hasRoom && !hasLeft, "moved from nowhere")
    case .answer, .refuse, .refuseTerminated:
      demand(!isFinal && direction == .inbound, "two final responses")
      isFinal = true
    case .hangUp:
      demand(isAnswered || hasCancelled, "BYE before the answer")
      demand(!hasHungUp && mayHangUp, "BYE out of place")
      hasHungUp = true
    case .attachMedia: demand(hasMedia && hasRoom && !isMediaClosed && !hasLeft, "attached to nothing")
    case .attachEarlyMedia: demand(hasRoom && !isAnswered && !hasLeft, "early media out of place")
    case .setCallStatus, .setAttributes: demand(hasRoom && !hasLeft, "\(action) without a room")
    case .applyAnswer, .renegotiate, .playPrompt, .stopPrompt, .playAnnouncement, .sendDigits, .joinLegs:
      demand(hasMedia && !isMediaClosed, "\(action) without media")
    case .answerReinvite, .refuseReinvite:
      demand(openReinvites > 0, "an answer to no re-INVITE")
      openReinvites -= 1
    case .closeMedia:
      demand(hasMedia && !isMediaClosed, "closed twice")
      isMediaClosed = true
    case .leaveRoom, .handOverRoom:
      demand(hasRoom && !hasLeft, "left twice")
      hasLeft = true
    case .startTimer(let timer, let duration):
      demand(deadlines[timer] == nil, "\(timer) runs already")
      deadlines[timer] = now + duration
    case .cancelTimer(let timer): demand(deadlines.removeValue(forKey: timer) != nil, "\(timer) does not run")
    case .reportWaiting(let sentence): demand(!sentence.isEmpty && !isFinal, "waits for nothing")
    case .dispatch: demand(direction == .inbound, "dispatches its own call")
    case .dial:
      demand(hasMedia && !hasDialled && direction == .outbound, "dialled twice, or without media")
      hasDialled = true
    case .cancelDial:
      demand(hasDialled && !hasCancelled && !isAnswered, "CANCEL out of place")
      hasCancelled = true
      mayHangUp = true
    case .reportDialled:
      reports += 1
      demand(reports == 1, "two answers to one request")
    case .playDialtone(let side):
      demand(tones.insert(side).inserted, "two tones")
      demand(side == .phone || hasRoom && !hasLeft, "a tone without a room")
    case .stopDialtone(let side): demand(tones.remove(side) != nil, "no tone to stop")
    case .refer, .reportTarget, .notifyReferrer, .answerRefer, .reportTransfer, .dialTarget, .endTarget:
      applyTransfer(action)
    case .writeRecord(let record): apply(record)
    }
  }

  private mutating func applyTransfer(_ action: CallAction) {
    switch action {
    case .refer: demand(isAnswered && !hasHungUp, "REFER in no call")
    case .answerRefer(let status):
      demand(openRefers > 0, "an answer to no REFER")
      openRefers -= 1
      if status.code == 202 { isSubscribed = true }
    case .notifyReferrer(_, let isFinal):
      demand(isSubscribed, "NOTIFY for no REFER")
      if isFinal { isSubscribed = false }
    case .reportTransfer(let ids, _):
      demand(!ids.isEmpty, "a result for nobody")
      for id in ids { demand(waiters.remove(id) != nil, "a result that nobody waits for: \(id)") }
    case .reportTarget(.answered, _): mayTakeOver = takesOver
    case .dialTarget:
      demand(!hasTarget, "two targets")
      hasTarget = true
    case .endTarget:
      demand(hasTarget, "no target to end")
      hasTarget = false
    default: break
    }
  }

  private mutating func apply(_ record: CallRecord) {
    demand(isMediaClosed == hasMedia && hasLeft == hasRoom && deadlines.isEmpty, "something is left open")
    demand(EndReason.allCodes.contains(record.endReason.code), "reason \(record.endReason)")
    demand(!record.sentence.isEmpty && record.endedAfter >= .zero, "an empty record")
    demand((record.answeredAfter != nil) == isAnswered, "answer time")
    demand((record.sipStatus == .ok) == isAnswered, "SIP status")
    demand(record.direction == direction, "direction")
    demand(waiters.isEmpty, "a transfer without a result")
    if direction == .outbound { demand(reports == 1, "\(reports) answers to one request") }
    records.append(record)
  }

  /// A target that failed or ended by itself.
  mutating func targetEnded() { hasTarget = false }
}
