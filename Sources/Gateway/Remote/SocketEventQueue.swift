import RoomClient
import RoomClientCore
import Synchronization

/// Which WebSocket of which session: `RoomClient`'s number of a connection.
struct SocketNumber: Hashable, Sendable {
  let session: UInt64
  let id: RoomSocketID

  init(_ session: UInt64, _ id: RoomSocketID) {
    self.session = session
    self.id = id
  }

  init(_ rawValue: UInt64) { self.init(rawValue >> 32, RoomSocketID(rawValue: UInt32(truncatingIfNeeded: rawValue))) }

  var rawValue: UInt64 { session << 32 | UInt64(id.rawValue) }
}

/// Carries what room servers say from the room client's thread to one consumer, in order and bounded: beyond
/// `pendingByteLimit` unread bytes a connection that says more counts as ended, and its session resumes.
final class SocketEventQueue: Sendable {
  static let pendingByteLimit = 256 * 1024 * 1024

  let events: AsyncStream<(UInt64, RoomClient.Event)>
  private let continuation: AsyncStream<(UInt64, RoomClient.Event)>.Continuation
  private let pendingBytes = Atomic<Int>(0)

  init() {
    (events, continuation) = AsyncStream.makeStream(
      of: (UInt64, RoomClient.Event).self, bufferingPolicy: .unbounded)
  }

  /// Called on the room client's thread.
  func push(_ connection: UInt64, _ event: RoomClient.Event) {
    guard case .message(let bytes, _) = event else {
      continuation.yield((connection, event))
      return
    }
    let cost = Self.cost(of: bytes)
    let pending = pendingBytes.add(cost, ordering: .relaxed).newValue
    if pending <= Self.pendingByteLimit {
      continuation.yield((connection, event))
    } else {
      pendingBytes.subtract(cost, ordering: .relaxed)
      continuation.yield((connection, .closed(reason: "the gateway cannot keep up with what servers say")))
    }
  }

  /// To be called once the consumer has taken an event.
  func finishedHandling(_ event: RoomClient.Event) {
    if case .message(let bytes, _) = event { pendingBytes.subtract(Self.cost(of: bytes), ordering: .relaxed) }
  }

  private static func cost(of bytes: [UInt8]) -> Int { bytes.count + 128 }

  func close() { continuation.finish() }
}
