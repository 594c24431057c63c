import Base
import Testing

@testable import Telephony

/// Stands for everything around a call machine: runs its timers on a virtual clock, keeps what it did, and checks after
/// each input that its actions are ones the surroundings can carry out.
struct CallStage {
  private(set) var machine: CallMachine
  private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  /// Everything done so far, without timers.
  private(set) var done: [CallAction] = []
  private(set) var records: [CallRecord] = []
  /// The first broken rule.
  private(set) var violation: String?
  private var deadlines: [CallTimer: MonotonicTime] = [:]
  private var hasMedia = false
  private var hasRoom = false
  private var isMediaClosed = false
  private var hasLeft = false
  private var isFinal = false
  private var hasHungUp = false
  private var mayHangUp = false
  private var openReinvites = 0

  static let facts = CallFacts(
    callID: "SCL_test", sipCallID: "abc@host", fromUser: "+15557654321", fromHost: "sip.example.com", fromTag: "t",
    toUser: "+15550100", source: IPAddress("192.0.2.1"))

  init(hasOffer: Bool = true) {
    machine = CallMachine(call: Self.facts, hasOffer: hasOffer, receivedAtUnixMilliseconds: 1000, now: now)
  }

  static func dispatch(_ policy: CallPolicy = CallPolicy()) -> Dispatch {
    Dispatch(
      trunkID: "ST_1", trunkLabel: "trunk", ruleID: "SDR_1", ruleLabel: "rule", roomName: "call-_+15557654321_abc",
      roomPreset: "", roomConfiguration: nil, participant: ParticipantProfile(identity: "sip_+15557654321", name: "P"),
      policy: policy, media: MediaOptions(), headers: [:], attributesToHeaders: [:], krispEnabled: false)
  }

  static func pinRequest(_ policy: CallPolicy = CallPolicy()) -> PINRequest {
    PINRequest(
      trunkID: "ST_1", trunkLabel: "trunk", ruleID: "SDR_2", ruleLabel: "pin", policy: policy, media: MediaOptions(),
      headers: [:])
  }

  /// What the input led to, without timers.
  @discardableResult
  mutating func handle(_ inputs: CallInput...) -> [CallAction] { handle(inputs) }

  mutating func handle(_ inputs: [CallInput]) -> [CallAction] {
    var result: [CallAction] = []
    for input in inputs {
      if case .reinvited = input, !machine.isEnded { openReinvites += 1 }
      if case .acknowledged = input { mayHangUp = mayHangUp || machine.isAnswered }
      if case .shutdown = input { mayHangUp = true }
      if case .timerFired(.acknowledgement) = input, deadlines[.acknowledgement] != nil { mayHangUp = true }
      if case .timerFired(let timer) = input { deadlines[timer] = nil }
      let actions = machine.handle(input, now: now)
      for action in actions { apply(action) }
      if openReinvites > 1 { fail("\(openReinvites) re-INVITEs are open") }
      if !records.isEmpty, !machine.isEnded { fail("a record before the end") }
      result += actions.filter { !$0.isTimer }
    }
    done += result
    return result
  }

  /// Lets time pass; timers fire in order.
  @discardableResult
  mutating func advance(_ duration: Duration) -> [CallAction] {
    let end = now + duration
    var result: [CallAction] = []
    while let next = deadlines.min(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }), next.value <= end
    {
      now = max(now, next.value)
      result += handle([.timerFired(next.key)])
    }
    now = end
    return result
  }

  var runningTimers: Set<CallTimer> { Set(deadlines.keys) }

  private mutating func fail(_ text: String) { violation = violation ?? text }

  private mutating func demand(_ condition: Bool, _ text: String) { if !condition { fail(text) } }

  private mutating func apply(_ action: CallAction) {
    demand(records.isEmpty, "\(action) after the record")
    switch action {
    case .ring: demand(!isFinal, "180 after the final response")
    case .openMedia:
      demand(!hasMedia, "two ports")
      hasMedia = true
    case .joinRoom:
      demand(!hasRoom, "two rooms")
      hasRoom = true
    case .answer, .refuse, .refuseTerminated:
      demand(!isFinal, "two final responses")
      isFinal = true
    case .hangUp:
      demand(machine.isAnswered && !hasHungUp && mayHangUp, "BYE out of place")
      hasHungUp = true
    case .attachMedia: demand(hasMedia && hasRoom && !isMediaClosed && !hasLeft, "attached to nothing")
    case .setCallStatus: demand(hasRoom && !hasLeft, "status without a room")
    case .applyAnswer, .renegotiate, .playPrompt: demand(hasMedia && !isMediaClosed, "\(action) without media")
    case .answerReinvite, .refuseReinvite:
      demand(openReinvites > 0, "an answer to no re-INVITE")
      openReinvites -= 1
    case .closeMedia:
      demand(hasMedia && !isMediaClosed, "closed twice")
      isMediaClosed = true
    case .leaveRoom:
      demand(hasRoom && !hasLeft, "left twice")
      hasLeft = true
    case .startTimer(let timer, let duration):
      demand(deadlines[timer] == nil, "\(timer) runs already")
      deadlines[timer] = now + duration
    case .cancelTimer(let timer): demand(deadlines.removeValue(forKey: timer) != nil, "\(timer) does not run")
    case .reportWaiting(let sentence): demand(!sentence.isEmpty && !isFinal, "waits for nothing")
    case .dispatch: break
    case .writeRecord(let record):
      demand(isMediaClosed == hasMedia && hasLeft == hasRoom && deadlines.isEmpty, "something is left open")
      demand(EndReason.allCodes.contains(record.endReason.code), "reason \(record.endReason)")
      demand(!record.sentence.isEmpty && record.endedAfter >= .zero, "an empty record")
      demand((record.answeredAfter != nil) == machine.isAnswered, "answer time")
      demand((record.sipStatus == .ok) == machine.isAnswered, "SIP status")
      records.append(record)
    default: fail("\(action) in an inbound call")
    }
  }
}

extension CallAction {
  var isTimer: Bool {
    switch self {
    case .startTimer, .cancelTimer: true
    default: false
    }
  }
}
