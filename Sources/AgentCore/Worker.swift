import Base
import LiveKitProtocol

/// One connected agent worker.
struct Worker: Sendable {
  struct Registration: Sendable {
    /// `AW_…`.
    let sid: String
    let group: WorkerGroup
    let permissions: Livekit_ParticipantPermission?
  }

  let connectedAt: MonotonicTime
  var registration: Registration?
  var messages: TokenBucket
  var isFull = false
  /// 0…1 as the worker counts it.
  var load: Float = 0
  /// Offered to it or its own.
  var jobs: Set<String> = []
  var simulatedCount = 0

  init(limits: AgentLimits, now: MonotonicTime) {
    connectedAt = now
    messages = TokenBucket(perSecond: limits.messagesPerSecond, burst: limits.messageBurst, now: now)
  }

  var sid: String { registration?.sid ?? "" }

  /// How likely it is chosen. Positive however loaded it is: that it can take a job is its own word.
  var weight: Float { max(1 - load, 0.001) }
}
