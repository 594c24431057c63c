/// What a trunk or a rule may say about the life of its calls. Nil: the less specific value holds.
public struct CallOverrides: Hashable, Sendable {
  public var answerPolicy: AnswerPolicy?
  public var ringingTimeout: Duration?
  public var maxCallDuration: Duration?
  public var hangupWhenAlone: Bool?
  public var departureTimeout: Duration?
  public var noAgent: NoAgentPolicy?
  public var noAgentTimeout: Duration?
  /// Name of the recorded sentence: the path of its file.
  public var noAgentAnnouncement: String?
  /// Names of recorded sentences around a PIN: the paths of their files. What is missing is said less specifically.
  public var prompts: [CallPrompt: String]

  public init(
    answerPolicy: AnswerPolicy? = nil, ringingTimeout: Duration? = nil, maxCallDuration: Duration? = nil,
    hangupWhenAlone: Bool? = nil, departureTimeout: Duration? = nil, noAgent: NoAgentPolicy? = nil,
    noAgentTimeout: Duration? = nil, noAgentAnnouncement: String? = nil, prompts: [CallPrompt: String] = [:]
  ) {
    self.answerPolicy = answerPolicy
    self.ringingTimeout = ringingTimeout
    self.maxCallDuration = maxCallDuration
    self.hangupWhenAlone = hangupWhenAlone
    self.departureTimeout = departureTimeout
    self.noAgent = noAgent
    self.noAgentTimeout = noAgentTimeout
    self.noAgentAnnouncement = noAgentAnnouncement
    self.prompts = prompts
  }
}

/// Every time and policy that one call lives by: the gateway's, overlaid by the trunk's, overlaid by the rule's.
public struct CallPolicy: Hashable, Sendable {
  public var answerPolicy: AnswerPolicy
  /// How long the phone may ring.
  public var ringingTimeout: Duration
  /// Counted from the decision to take the call.
  public var maxCallDuration: Duration
  /// The call ends when everyone else has left the room.
  public var hangupWhenAlone: Bool
  /// How long the caller may stay alone.
  public var departureTimeout: Duration
  /// Between two 180 responses.
  public var ringingInterval: Duration
  /// What is done when no agent comes.
  public var noAgent: NoAgentPolicy
  /// How long it may take until one has the call; zero is a time too.
  public var noAgentTimeout: Duration
  /// Name of the recorded sentence. Empty: there is none.
  public var noAgentAnnouncement: String
  /// Names of recorded sentences around a PIN. What is missing is not played.
  public var prompts: [CallPrompt: String]

  public init(
    answerPolicy: AnswerPolicy = .trackSubscribed, ringingTimeout: Duration = .seconds(180),
    maxCallDuration: Duration = .seconds(86_400), hangupWhenAlone: Bool = true,
    departureTimeout: Duration = .seconds(20), ringingInterval: Duration = .seconds(1),
    noAgent: NoAgentPolicy = .ring, noAgentTimeout: Duration = .seconds(10), noAgentAnnouncement: String = "",
    prompts: [CallPrompt: String] = [:]
  ) {
    self.answerPolicy = answerPolicy
    self.ringingTimeout = ringingTimeout
    self.maxCallDuration = maxCallDuration
    self.hangupWhenAlone = hangupWhenAlone
    self.departureTimeout = departureTimeout
    self.ringingInterval = ringingInterval
    self.noAgent = noAgent
    self.noAgentTimeout = noAgentTimeout
    self.noAgentAnnouncement = noAgentAnnouncement
    self.prompts = prompts
  }

  /// Zero durations are LiveKit's way to say nothing.
  public func overlaid(by overrides: CallOverrides) -> CallPolicy {
    func said(_ duration: Duration?) -> Duration? { duration.flatMap { $0 > .zero ? $0 : nil } }
    return CallPolicy(
      answerPolicy: overrides.answerPolicy ?? answerPolicy,
      ringingTimeout: said(overrides.ringingTimeout) ?? ringingTimeout,
      maxCallDuration: said(overrides.maxCallDuration) ?? maxCallDuration,
      hangupWhenAlone: overrides.hangupWhenAlone ?? hangupWhenAlone,
      departureTimeout: overrides.departureTimeout ?? departureTimeout,
      ringingInterval: ringingInterval, noAgent: overrides.noAgent ?? noAgent,
      noAgentTimeout: overrides.noAgentTimeout ?? noAgentTimeout,
      noAgentAnnouncement: overrides.noAgentAnnouncement ?? noAgentAnnouncement,
      prompts: prompts.merging(overrides.prompts) { $1 })
  }
}
