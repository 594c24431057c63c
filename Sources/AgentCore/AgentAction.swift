import LiveKitProtocol

/// What the gateway must do, in order.
public enum AgentAction: Sendable {
  case send(WorkerID, Livekit_ServerMessage)
  /// Close the WebSocket after what was sent; its `disconnected` is not needed any more.
  case close(WorkerID, reason: String)
  /// Sign a token for the agent of a job and come back with `AgentInput.minted`.
  case mint(AgentTokenRequest)
  /// Take an agent whose process is gone out of its room.
  case removeParticipant(room: String, identity: String)
  /// What the agents of a room are about has changed.
  case situationChanged(room: String, AgentSituation)
  case note(AgentNote)
}

/// The token that lets a job's agent into its room: kind agent, valid for `lifetimeSeconds`.
public struct AgentTokenRequest: Hashable, Sendable {
  public static let lifetimeSeconds: Int64 = 3_600

  public let worker: WorkerID
  public let jobID: String
  public let grants: Grants
}

/// What an operator may want to read in the log.
public enum AgentNote: Hashable, Sendable {
  case workerRegistered(worker: String, WorkerGroup, version: String)
  case workerRefused(reason: String)
  case workerLeft(worker: String, WorkerGroup, jobs: Int)
  case jobAssigned(JobNote)
  /// It is offered to the next worker.
  case jobPassedOn(JobNote, reason: String)
  case jobEnded(JobNote, error: String)
  /// It failed again and again and is not dispatched any more.
  case jobGivenUp(JobNote, error: String)
  /// The limit of jobs is reached.
  case jobNotMade(room: String, agentName: String)
}

public struct JobNote: Hashable, Sendable {
  public let jobID: String
  public let dispatchID: String
  public let room: String
  public let agentName: String
  /// `AW_…`; empty when none has it.
  public let worker: String
}

/// Why an operation on a dispatch failed, in Twirp's words.
public struct AgentError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    case invalidArgument = "invalid_argument"
    case notFound = "not_found"
    case resourceExhausted = "resource_exhausted"
  }

  public let code: Code
  public let reason: String

  init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }
}
