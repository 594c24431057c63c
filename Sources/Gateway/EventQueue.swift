import MediaCore
import Redis
import RoomClient
import Synchronization

/// Carries what an edge reports from its threads to one consumer, in order and bounded.
///
/// What strangers can make numerous costs bytes: beyond `unreadByteLimit` unread ones further events of this kind are
/// dropped and counted. Everything else is rare and always kept.
final class EventQueue<Event: Sendable>: Sendable {
  let events: AsyncStream<Event>
  private let continuation: AsyncStream<Event>.Continuation
  private let unreadByteLimit: Int
  /// Nil: always kept.
  private let byteCount: @Sendable (Event) -> Int?
  private let unreadBytes = Atomic<Int>(0)
  private let dropped = Atomic<Int>(0)

  init(unreadByteLimit: Int, byteCount: @escaping @Sendable (Event) -> Int?) {
    (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .unbounded)
    self.unreadByteLimit = unreadByteLimit
    self.byteCount = byteCount
  }

  /// Events that were dropped since the start.
  var droppedCount: Int { dropped.load(ordering: .relaxed) }

  /// False: it was dropped. Called on the edge's threads.
  @discardableResult
  func push(_ event: Event) -> Bool {
    if let cost = cost(of: event), unreadBytes.add(cost, ordering: .relaxed).newValue > unreadByteLimit {
      unreadBytes.subtract(cost, ordering: .relaxed)
      dropped.add(1, ordering: .relaxed)
      return false
    }
    continuation.yield(event)
    return true
  }

  /// To be called once the consumer has taken an event.
  func finishedHandling(_ event: Event) {
    if let cost = cost(of: event) { unreadBytes.subtract(cost, ordering: .relaxed) }
  }

  /// An empty message takes a place in the queue and a heap block too.
  private func cost(of event: Event) -> Int? { byteCount(event).map { $0 + 128 } }

  func close() { continuation.finish() }
}

/// What media loops report: data packets are what clients can make numerous.
typealias MediaEventQueue = EventQueue<MediaEvent>

extension MediaEventQueue {
  convenience init() {
    self.init(unreadByteLimit: 16 << 20) { if case .data(_, _, let bytes) = $0 { bytes.count } else { nil } }
  }
}

/// What room servers say, by the number of the WebSocket.
typealias SocketEventQueue = EventQueue<SocketEvent>

struct SocketEvent: Sendable {
  var socket: SocketNumber
  var event: RoomClient.Event
}

extension SocketEventQueue {
  convenience init() {
    self.init(unreadByteLimit: 256 << 20) { if case .message(let bytes, _) = $0.event { bytes.count } else { nil } }
  }
}

/// What Redis says: messages of the bus, which promises nothing of their arrival.
typealias RedisEventQueue = EventQueue<RedisEvent>

extension RedisEventQueue {
  convenience init() {
    self.init(unreadByteLimit: 64 << 20) { if case .message(_, let bytes) = $0 { bytes.count } else { nil } }
  }
}
