import Base
import CLinux
import Glibc
import Synchronization

/// What other threads ask of the loop's: bounded, and woken by an eventfd.
final class RedisMailbox: Sendable {
  enum Message: Sendable {
    case publish(channel: String, [UInt8])
    case subscribe([String])
    case unsubscribe([String])
    case lock(UInt64, key: String, lifetime: Duration)
    case resolved(RedisLink.ConnectionID, [IPAddress])
    case close

    /// Dropping it would lose more than a message.
    var isEssential: Bool {
      switch self {
      case .publish, .lock: false
      default: true
      }
    }
  }

  /// Messages that may wait: the loop takes them all in every turn.
  static let capacity = 16_384

  private struct State {
    var messages: [Message] = []
    var isClosed = false
  }

  let wakeDescriptor: Int32
  private let state = Mutex(State())

  /// Nil when the process has no descriptor left.
  init?() {
    wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard wakeDescriptor >= 0 else { return nil }
  }

  deinit { close(wakeDescriptor) }

  /// False: it is full, or closed.
  @discardableResult
  func post(_ message: Message) -> Bool {
    let (isTaken, wasEmpty) = state.withLock { state in
      guard !state.isClosed, message.isEssential || state.messages.count < Self.capacity else { return (false, false) }
      state.messages.append(message)
      return (true, state.messages.count == 1)
    }
    if wasEmpty {
      var one: UInt64 = 1
      write(wakeDescriptor, &one, MemoryLayout<UInt64>.size)
    }
    return isTaken
  }

  func take() -> [Message] {
    var value: UInt64 = 0
    read(wakeDescriptor, &value, MemoryLayout<UInt64>.size)
    return state.withLock { state in
      defer { state.messages = [] }
      return state.messages
    }
  }

  /// Refuses what comes from here on.
  func closeForGood() {
    state.withLock { state in
      state.isClosed = true
      state.messages = []
    }
  }
}
