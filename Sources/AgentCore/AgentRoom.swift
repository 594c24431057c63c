import Base
import LiveKitProtocol

/// What the pool knows of a room.
struct AgentRoom: Sendable {
  struct Member: Sendable {
    var info: Livekit_ParticipantInfo
    var isConnected = true
    var hasPublished = false
  }

  var info: Livekit_Room
  /// In the order of making.
  var dispatches: [AgentDispatch] = []
  /// By identity; agents too.
  var members: [String: Member] = [:]
  /// Jobs that are not over, by the identity of their agent, once it is known.
  var agents: [String: String] = [:]
  var jobs: Set<String> = []
  /// Agents whose jobs were given to others: they must not come back. The latest few.
  var banned: [String] = []
  var situation = AgentSituation.none

  static let bannedLimit = 16

  init(info: Livekit_Room) { self.info = info }

  /// A caller who is alone with nobody asked for may still get a worker without a name.
  var isLoneCaller: Bool { members.count == 1 && members.values.allSatisfy { $0.info.kind == .sip } }

  mutating func ban(_ identity: String) {
    guard !identity.isEmpty else { return }
    banned.append(identity)
    if banned.count > Self.bannedLimit { banned.removeFirst() }
  }
}

/// The wish for an agent in a room (`livekit.AgentDispatch`), and what became of it.
struct AgentDispatch: Sendable {
  struct Work: Sendable {
    enum Outcome: Sendable { case done, refused, failed }

    /// Nil when it is over.
    var job: String?
    /// In a row.
    var failures = 0
    var outcome: Outcome?
  }

  let request: Livekit_AgentDispatch
  /// Made for a room that names no agents: for workers that have no name, as they are when the room starts.
  let isImplicit: Bool
  var work: [JobSlot: Work] = [:]
  var ended: [Livekit_Job] = []

  var id: String { request.id }
  var name: AgentName { AgentName(name: request.agentName, deployment: request.deployment) }
}

extension Livekit_ParticipantInfo {
  /// Agents and recorders are there for others, who get agents.
  var isDependent: Bool { kind == .agent || kind == .egress || permission.agent || permission.recorder }
}
