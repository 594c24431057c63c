import Base
import LiveKitProtocol

/// One piece of work for one worker.
///
/// ```
///  delayed ─▶ waiting ─▶ offered ─accepts─▶ minting ─token─▶ assigned ─runs─▶ running ─agent leaves─▶ leaving
///                ▲          │ declines, silent, gone │            │              │  ▲                    │
///                └──────────┴────────────────────────┘            └─worker gone─▶ orphaned                │
///                                                                                │ │                      │
///                        ended: done · failed (dispatched again) · room or dispatch gone ◀────────────────┘
/// ```
struct AgentJob: Sendable {
  enum Phase: Hashable, Sendable {
    /// Failed before; its deadline is when it may be offered.
    case delayed
    /// Its deadline is when those that declined may be asked again.
    case waiting
    case offered(WorkerID)
    case minting(WorkerID)
    /// The worker has the token and has not told of a start.
    case assigned(WorkerID)
    case running(WorkerID)
    /// The agent has left its room and the worker has not told why.
    case leaving(WorkerID, hasFailed: Bool)
    /// The worker is gone; its agent may still be in the room.
    case orphaned
  }

  /// Place in the order of making.
  let number: UInt64
  let group: WorkerGroup
  /// Nil for one that a worker simulates for itself.
  let slot: JobSlot?
  /// What its worker is sent.
  var message: Livekit_Job
  var phase = Phase.waiting
  var deadline: MonotonicTime?
  /// Workers that had it offered and did not take it.
  var declined: Set<WorkerID> = []
  /// Another worker had the job and lost it.
  var isResuming = false
  /// The agent's process has begun, or should have.
  var assignedAt: MonotonicTime?

  var id: String { message.id }
  var room: String { message.room.name }
  var identity: String { message.state.participantIdentity }

  /// Who has it, or is asked.
  var worker: WorkerID? {
    switch phase {
    case .offered(let id), .minting(let id), .assigned(let id), .running(let id), .leaving(let id, _): id
    case .delayed, .waiting, .orphaned: nil
    }
  }

  /// Whether its worker knows that it has it.
  var isAssigned: Bool {
    switch phase {
    case .assigned, .running, .leaving, .orphaned: true
    case .delayed, .waiting, .offered, .minting: false
    }
  }
}
