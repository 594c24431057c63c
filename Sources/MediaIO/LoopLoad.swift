import Synchronization

/// How many legs a loop carries, written by its thread and read by others.
final class LoopLoad: Sendable {
  private let legs = Atomic<Int>(0)

  var value: Int { legs.load(ordering: .relaxed) }

  func set(_ count: Int) { legs.store(count, ordering: .relaxed) }
}
