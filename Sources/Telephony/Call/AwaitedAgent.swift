/// What becomes of a ringing call whose agent does not come.
public enum NoAgentPolicy: String, Sendable, Hashable, CaseIterable {
  /// It rings on, as long as a phone may ring.
  case ring
  /// 486.
  case busy
  /// It is answered, hears a recorded sentence and is hung up on.
  case announce
}

/// The agent that a ringing call needs and has not.
public struct AwaitedAgent: Hashable, Sendable {
  /// Follows "waits for": `agent 'x': no worker of that name is registered`.
  public var sentence: String
  /// The room asked for an agent by its name. False: any worker without a name would do.
  public var isNamed: Bool
  /// False while a worker is being asked.
  public var isMissing: Bool

  public init(sentence: String, isNamed: Bool, isMissing: Bool) {
    self.sentence = sentence
    self.isNamed = isNamed
    self.isMissing = isMissing
  }
}

/// Watches how long a ringing call has been without its agent.
struct AgentWatch: Sendable {
  /// Nil: it is there, or none is expected.
  private(set) var awaited: AwaitedAgent?
  /// The call has waited as long as it may.
  private var isDue = false

  /// True when nothing helps any more that helped before.
  mutating func note(_ awaited: AwaitedAgent?) -> Bool {
    let wasMissing = self.awaited?.isMissing == true
    self.awaited = awaited
    if awaited == nil { isDue = false }
    return awaited?.isMissing == true && !wasMissing
  }

  mutating func timeIsUp() { isDue = true }

  /// The agent that the call has waited for in vain.
  var isGivenUp: AwaitedAgent? { isDue ? awaited.flatMap { $0.isMissing ? $0 : nil } : nil }

  /// Starts and stops `CallTimer.noAgent`.
  func watch(_ policy: CallPolicy, _ timers: inout CallTimers) -> [CallAction] {
    guard awaited != nil, policy.noAgent != .ring else { return timers.cancel(.noAgent) }
    if isDue || timers.isRunning(.noAgent) { return [] }
    return timers.start(.noAgent, policy.noAgentTimeout)
  }
}
