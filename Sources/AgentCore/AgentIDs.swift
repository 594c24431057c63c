import LiveKitProtocol

/// One open worker connection. Chosen by the gateway, never reused.
public struct WorkerID: Hashable, Comparable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static func < (a: WorkerID, b: WorkerID) -> Bool { a.rawValue < b.rawValue }
}

/// What a dispatch asks for.
struct AgentName: Hashable, Sendable {
  /// Empty: workers that take every room by themselves.
  var name: String
  var deployment: String
}

/// Workers that can stand in for each other.
public struct WorkerGroup: Hashable, Sendable {
  public var type: Livekit_JobType
  public var agentName: String
  public var namespace: String
  public var deployment: String

  var name: AgentName { AgentName(name: agentName, deployment: deployment) }
}

/// What a dispatch wants done once: the room, or one participant of it, by the workers of one namespace.
struct JobSlot: Hashable, Sendable {
  var type: Livekit_JobType
  var namespace: String
  /// Empty for the room.
  var participantSID: String
}
