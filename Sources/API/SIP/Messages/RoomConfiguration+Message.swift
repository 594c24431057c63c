import LiveKitProtocol
import Telephony

extension RoomConfiguration {
  private static let agentLimit = 32

  /// - Parameter config: stands before the fields' names in what is thrown.
  package init(_ message: Livekit_RoomConfiguration, in config: String = "room_config.") throws(TwirpError) {
    if message.hasEgress { throw MessageField.invalid(config + "egress", "this gateway records no rooms") }
    guard message.minPlayoutDelay == 0, message.maxPlayoutDelay == 0, !message.syncStreams else {
      throw MessageField.invalid(
        config + "min_playout_delay", "playout delays and sync_streams are not available in this version")
    }
    guard message.agents.count <= Self.agentLimit else {
      throw MessageField.invalid(config + "agents", "expected at most \(Self.agentLimit)")
    }
    self.init(
      name: try MessageField.text(message.name, config + "name"),
      emptyTimeout: message.emptyTimeout == 0 ? nil : .seconds(Int64(message.emptyTimeout)),
      departureTimeout: message.departureTimeout == 0 ? nil : .seconds(Int64(message.departureTimeout)),
      maxParticipants: Int(message.maxParticipants),
      metadata: try MessageField.text(
        message.metadata, config + "metadata", limit: MessageField.metadataByteLimit),
      tags: try MessageField.map(message.tags, config + "tags"))
    for agent in message.agents { agents.append(try Agent(agent, in: config + "agents.")) }
  }
}

extension RoomConfiguration.Agent {
  fileprivate init(_ message: Livekit_RoomAgentDispatch, in agents: String) throws(TwirpError) {
    if case .UNRECOGNIZED(let number) = message.restartPolicy {
      throw MessageField.invalid(agents + "restart_policy", "there is no value \(number)")
    }
    self.init(
      agentName: try MessageField.text(message.agentName, agents + "agent_name"),
      metadata: try MessageField.text(
        message.metadata, agents + "metadata", limit: MessageField.metadataByteLimit),
      attributes: try MessageField.map(message.attributes, agents + "attributes"),
      deployment: try MessageField.text(message.deployment, agents + "deployment"),
      restartsOnFailure: message.restartPolicy != .jrpNever)
  }
}

extension Livekit_RoomConfiguration {
  public init(_ configuration: RoomConfiguration) {
    self.init()
    name = configuration.name
    emptyTimeout = UInt32(clamping: configuration.emptyTimeout?.components.seconds ?? 0)
    departureTimeout = UInt32(clamping: configuration.departureTimeout?.components.seconds ?? 0)
    maxParticipants = UInt32(clamping: configuration.maxParticipants)
    metadata = configuration.metadata
    tags = configuration.tags
    agents = configuration.agents.map { agent in
      var dispatch = Livekit_RoomAgentDispatch()
      dispatch.agentName = agent.agentName
      dispatch.metadata = agent.metadata
      dispatch.attributes = agent.attributes
      dispatch.deployment = agent.deployment
      dispatch.restartPolicy = agent.restartsOnFailure ? .jrpOnFailure : .jrpNever
      return dispatch
    }
  }
}
