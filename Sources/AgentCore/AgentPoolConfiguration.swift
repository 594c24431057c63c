import Base
import LiveKitProtocol

public struct AgentPoolConfiguration: Sendable {
  /// Nanoseconds since 1970 at `MonotonicTime.zero`, for the times in jobs and dispatches.
  public var unixNanosecondsAtZero: Int64
  /// What a registered worker learns of us.
  public var serverInfo: Livekit_ServerInfo
  /// From the open connection to `register` (livekit-wire 5.8).
  public var registrationTimeout = Duration.seconds(10)
  /// From `availability` to its answer (livekit-wire 5.8).
  public var availabilityTimeout = Duration.seconds(10)
  /// From the acceptance to the first sign of the running job. The stock worker waits 7.5 s for its assignment.
  public var assignmentTimeout = Duration.seconds(15)
  /// A worker that declined is asked again after this long, when there is no other.
  public var declineInterval = Duration.seconds(5)
  /// An agent whose worker is lost and whose own connection is closed is given up after this long.
  public var orphanTimeout = Duration.seconds(1)
  /// Between an agent's leaving its room and the end of its job as its worker tells it.
  public var leaveTimeout = Duration.seconds(5)
  /// Before a failed job is dispatched again, by how often in a row it has failed. After the last it is given up.
  public var restartDelays: [Duration] = [.zero, .seconds(1), .seconds(2), .seconds(4), .seconds(8)]
  /// A job that ran this long did not fail in a row with the one before.
  public var restartResetTime = Duration.seconds(30)
  public var limits = AgentLimits()

  public init(unixNanosecondsAtZero: Int64, serverInfo: Livekit_ServerInfo = Livekit_ServerInfo()) {
    self.unixNanosecondsAtZero = unixNanosecondsAtZero
    self.serverInfo = serverInfo
  }
}

/// Bounds on what workers and the API can make the pool hold or do.
public struct AgentLimits: Hashable, Sendable {
  /// Registered or not.
  public var workers = 1_000
  /// That are not over.
  public var jobs = 10_000
  /// Of one worker, simulated ones included.
  public var jobsPerWorker = 1_000
  public var simulatedJobsPerWorker = 16
  public var dispatchesPerRoom = 64
  /// Jobs that are over and still listed in their dispatch.
  public var endedJobsPerDispatch = 16
  /// Agent names, identities, namespaces, deployments: bytes each.
  public var nameByteCount = 256
  public var metadataByteCount = 64_000
  public var attributesByteCount = 64_000
  /// What is kept of a job's error.
  public var errorByteCount = 256
  /// Room and participant of a simulated job together.
  public var simulationByteCount = 16_384
  /// Messages of one worker: a steady rate, and how many may come at once.
  public var messagesPerSecond = 100
  public var messageBurst = 2_000
  /// Job ids in one `migrate_job`.
  public var migratedJobs = 1_000

  public init() {}

  /// Which limit is passed. Nil: none.
  func violation(names: [String], metadata: String = "", attributes: [String: String] = [:]) -> String? {
    if names.contains(where: { $0.utf8.count > nameByteCount }) { return "a name has more than \(nameByteCount) bytes" }
    if metadata.utf8.count > metadataByteCount { return "the metadata has more than \(metadataByteCount) bytes" }
    let byteCount = attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    if byteCount > attributesByteCount { return "the attributes have more than \(attributesByteCount) bytes" }
    return nil
  }
}
