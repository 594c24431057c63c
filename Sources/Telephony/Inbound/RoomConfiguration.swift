/// How a rule's rooms are created (`RoomConfiguration`). Nil and empty: the room server's own values.
public struct RoomConfiguration: Hashable, Sendable {
  /// An agent that is asked to join (`RoomAgentDispatch`).
  public struct Agent: Hashable, Sendable {
    public var agentName: String
    public var metadata: String
    public var attributes: [String: String]
    public var deployment: String
    /// A job that fails is dispatched again (`JRP_ON_FAILURE`).
    public var restartsOnFailure: Bool

    public init(
      agentName: String, metadata: String = "", attributes: [String: String] = [:], deployment: String = "",
      restartsOnFailure: Bool = true
    ) {
      self.agentName = agentName
      self.metadata = metadata
      self.attributes = attributes
      self.deployment = deployment
      self.restartsOnFailure = restartsOnFailure
    }
  }

  /// Name of this configuration, not of the room.
  public var name = ""
  public var emptyTimeout: Duration?
  public var departureTimeout: Duration?
  /// 0: no limit.
  public var maxParticipants = 0
  public var metadata = ""
  public var agents: [Agent] = []
  public var tags: [String: String] = [:]

  public init(
    name: String = "", emptyTimeout: Duration? = nil, departureTimeout: Duration? = nil, maxParticipants: Int = 0,
    metadata: String = "", agents: [Agent] = [], tags: [String: String] = [:]
  ) {
    self.name = name
    self.emptyTimeout = emptyTimeout
    self.departureTimeout = departureTimeout
    self.maxParticipants = maxParticipants
    self.metadata = metadata
    self.agents = agents
    self.tags = tags
  }
}
