import Telephony

/// `room_config` (`RoomConfiguration`).
enum RoomConfigurationReader {
  static func read(_ section: Section) -> RoomConfiguration? {
    let configuration = section.section("room_config") { room in
      for key in ["egress", "min_playout_delay", "max_playout_delay", "sync_streams"] { room.unavailable(key) }
      return RoomConfiguration(
        name: room.value("name", .text) ?? "", emptyTimeout: room.value("empty_timeout", timeout),
        departureTimeout: room.value("departure_timeout", timeout),
        maxParticipants: room.value("max_participants", .integer(0...10_000)) ?? 0,
        metadata: room.value("metadata", .text) ?? "", agents: agents(room),
        tags: (room.pairs("tags", of: .text) ?? []).dictionary)
    }
    return section.isGiven("room_config") ? configuration : nil
  }

  private static let timeout = ValueFormat<Duration>.duration(.zero ... .seconds(7 * 86_400))

  private static func agents(_ room: Section) -> [RoomConfiguration.Agent] {
    room.items("agents", wrapper: "agent") { agent, _ in
      RoomConfiguration.Agent(
        agentName: agent.value("agent_name", .text) ?? "", metadata: agent.value("metadata", .text) ?? "",
        attributes: (agent.pairs("attributes", of: .text) ?? []).dictionary,
        deployment: agent.value("deployment", .text) ?? "",
        restartsOnFailure: agent.value("restart_policy", .restartPolicy) != .never)
    }
  }
}

/// `JobRestartPolicy`
private enum RestartPolicy: String {
  case onFailure = "JRP_ON_FAILURE"
  case never = "JRP_NEVER"
}

extension ValueFormat where Value == RestartPolicy {
  fileprivate static let restartPolicy = protoEnum(["JRP_ON_FAILURE", "JRP_NEVER"])
}
