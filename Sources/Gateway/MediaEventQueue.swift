import MediaCore
import Synchronization

/// Carries what media loops report from their threads to one consumer, in order and bounded.
///
/// Data packets are what clients can make numerous: beyond `pendingDataByteLimit` unread bytes further ones are dropped
/// and counted. Everything else is rare and always kept.
final class MediaEventQueue: Sendable {
  static let pendingDataByteLimit = 16 * 1024 * 1024

  let events: AsyncStream<MediaEvent>
  private let continuation: AsyncStream<MediaEvent>.Continuation
  private let pendingDataBytes = Atomic<Int>(0)
  private let dropped = Atomic<Int>(0)

  init() { (events, continuation) = AsyncStream.makeStream(of: MediaEvent.self, bufferingPolicy: .unbounded) }

  /// Data packets that were dropped since the start.
  var droppedCount: Int { dropped.load(ordering: .relaxed) }

  /// Called on media threads.
  func push(_ event: MediaEvent) {
    if case .data(_, _, let bytes) = event {
      let pending = pendingDataBytes.add(Self.cost(of: bytes), ordering: .relaxed).newValue
      guard pending <= Self.pendingDataByteLimit else {
        pendingDataBytes.subtract(Self.cost(of: bytes), ordering: .relaxed)
        dropped.add(1, ordering: .relaxed)
        return
      }
    }
    continuation.yield(event)
  }

  /// To be called once the consumer has taken an event.
  func finishedHandling(_ event: MediaEvent) {
    if case .data(_, _, let bytes) = event {
      pendingDataBytes.subtract(Self.cost(of: bytes), ordering: .relaxed)
    }
  }

  /// An empty packet takes a place in the queue and a heap block too.
  private static func cost(of bytes: [UInt8]) -> Int { bytes.count + 128 }

  func close() { continuation.finish() }
}
