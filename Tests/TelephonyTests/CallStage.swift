import Base
import Testing

@testable import Telephony

/// What both kinds of call machines have.
protocol StagedMachine: Sendable {
  static var direction: CallDirection { get }
  var isAnswered: Bool { get }
  var isEnded: Bool { get }
  mutating func handle(_ input: CallInput, now: MonotonicTime) -> [CallAction]
}

extension CallMachine: StagedMachine {
  static var direction: CallDirection { .inbound }
}

extension OutboundCallMachine: StagedMachine {
  static var direction: CallDirection { .outbound }
}

/// Stands for everything around a call machine: runs its timers on a virtual clock, keeps what it did, and checks after
/// each input that its actions are ones the surroundings can carry out.
struct Stage<Machine: StagedMachine> {
  private(set) var machine: Machine
  private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  /// Everything done so far, without timers.
  private(set) var done: [CallAction] = []
  private(set) var rules = StageRules(Machine.direction)

  var records: [CallRecord] { rules.records }
  /// The first broken rule.
  var violation: String? { rules.violation }
  var runningTimers: Set<CallTimer> { Set(rules.deadlines.keys) }

  init(_ machine: Machine) { self.machine = machine }

  /// What the input led to, without timers.
  @discardableResult
  mutating func handle(_ inputs: CallInput...) -> [CallAction] { handle(inputs) }

  @discardableResult
  mutating func handle(_ inputs: [CallInput]) -> [CallAction] {
    var result: [CallAction] = []
    for input in inputs {
      noteRight(to: input)
      rules.note(input, isEnded: machine.isEnded)
      let actions = machine.handle(input, now: now)
      result += apply(actions)
    }
    return result
  }

  /// What the machine does by itself.
  mutating func apply(_ actions: [CallAction]) -> [CallAction] {
    rules.isAnswered = machine.isAnswered
    if Machine.direction == .outbound, machine.isAnswered { rules.mayHangUp = true }
    for action in actions { rules.apply(action, now: now) }
    rules.check(isEnded: machine.isEnded)
    let visible = actions.filter { !$0.isTimer }
    done += visible
    return visible
  }

  /// Lets time pass; timers fire in order.
  @discardableResult
  mutating func advance(_ duration: Duration) -> [CallAction] {
    let end = now + duration
    var result: [CallAction] = []
    while let next = rules.deadlines.min(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }),
      next.value <= end
    {
      now = max(now, next.value)
      result += handle([.timerFired(next.key)])
    }
    now = end
    return result
  }

  /// BYE of ours must wait for the ACK, its being given up, or the end of the process (RFC 3261 §15).
  private mutating func noteRight(to input: CallInput) {
    switch input {
    case .acknowledged: rules.mayHangUp = rules.mayHangUp || machine.isAnswered
    case .shutdown: rules.mayHangUp = true
    case .timerFired(.acknowledgement) where rules.deadlines[.acknowledgement] != nil: rules.mayHangUp = true
    case .target(.failed), .target(.ended): rules.targetEnded()
    default: break
    }
  }

  mutating func takesOver() { rules.takesOver = true }

  mutating func start(_ actions: (inout Machine, MonotonicTime) -> [CallAction]) -> [CallAction] {
    let actions = actions(&machine, now)
    return apply(actions)
  }
}

typealias CallStage = Stage<CallMachine>

extension Stage where Machine == CallMachine {
  static var facts: CallFacts {
    CallFacts(
      callID: "SCL_test", sipCallID: "abc@host", fromUser: "+15557654321", fromHost: "sip.example.com", fromTag: "t",
      toUser: "+15550100", source: IPAddress("192.0.2.1"))
  }

  init(hasOffer: Bool = true, facts: CallFacts = Self.facts) {
    self.init(
      CallMachine(
        call: facts, hasOffer: hasOffer, receivedAtUnixMilliseconds: 1000,
        now: MonotonicTime(nanoseconds: 1_000_000_000)))
  }

  static func dispatch(_ policy: CallPolicy = CallPolicy(), transfer: TransferPolicy = TransferPolicy()) -> Dispatch {
    Dispatch(
      trunkID: "ST_1", trunkLabel: "trunk", ruleID: "SDR_1", ruleLabel: "rule", roomName: "call-_+15557654321_abc",
      roomPreset: "", roomConfiguration: nil, participant: ParticipantProfile(identity: "sip_+15557654321", name: "P"),
      policy: policy, media: MediaOptions(), headers: [:], attributesToHeaders: [:], krispEnabled: false,
      transfer: transfer)
  }

  static func pinRequest(_ policy: CallPolicy = CallPolicy()) -> PINRequest {
    PINRequest(
      trunkID: "ST_1", trunkLabel: "trunk", ruleID: "SDR_2", ruleLabel: "pin", policy: policy, media: MediaOptions(),
      headers: [:])
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
