import Synchronization

/// Events that wait for one URL, in order, within a bound on their number and one on their bytes.
///
/// A class because whoever posts and the task that delivers share it; the lock guards one number.
final class WebhookQueue: Sendable {
  struct Delivery: Sendable {
    let name: String
    let body: [UInt8]
  }

  /// Until a delivery is done with, its bytes count.
  private let byteLimit: Int
  private let byteCount = Mutex(0)
  private let stream: AsyncStream<Delivery>
  private let continuation: AsyncStream<Delivery>.Continuation

  init(limit: Int, byteLimit: Int) {
    self.byteLimit = byteLimit
    (stream, continuation) = AsyncStream.makeStream(of: Delivery.self, bufferingPolicy: .bufferingOldest(limit))
  }

  /// False: there is no room for it.
  func add(_ delivery: Delivery) -> Bool {
    let fits = byteCount.withLock { count in
      guard count + delivery.body.count <= byteLimit else { return false }
      count += delivery.body.count
      return true
    }
    guard fits else { return false }
    if case .enqueued = continuation.yield(delivery) { return true }
    release(delivery)
    return false
  }

  /// Takes nothing more.
  func finish() { continuation.finish() }

  /// Hands on one delivery after the other, until the queue is finished and empty or the task is cancelled.
  func deliver(_ body: (Delivery) async -> Void) async {
    for await delivery in stream {
      await body(delivery)
      release(delivery)
    }
  }

  private func release(_ delivery: Delivery) { byteCount.withLock { $0 -= delivery.body.count } }
}
