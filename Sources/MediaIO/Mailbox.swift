import CLinux
import Glibc
import MediaCore
import Synchronization

/// What other threads may ask of a media loop.
enum LoopMessage: Sendable {
  case command(MediaCommand)
  case openPhoneLeg(PhoneLegConfiguration, PortLease)
  case openTransport(TransportConfiguration, [PortLease])
  case close

  /// Dropping it would leak or hang something: it is taken beyond the mailbox's first limit.
  var isEssential: Bool {
    switch self {
    case .close, .command(.closePhoneLeg), .command(.closeTransport), .command(.closeRoom), .command(.unsubscribe),
      .command(.unpublishTrack), .command(.detachPhoneLeg), .command(.setTrackMuted):
      true
    default:
      false
    }
  }
}

extension LoopMessage {
  /// Of a packet for a data channel, which clients can make numerous. Nil for everything else.
  var dataByteCount: Int? {
    if case .command(.sendData(_, _, let bytes)) = self { bytes.count } else { nil }
  }
}

/// Messages to one media thread: bounded, and woken by an eventfd. The media thread never waits for the lock: it
/// comes back a moment later when a poster holds it.
final class Mailbox: Sendable {
  /// Messages that may wait; far more than a loop's calls can cause between two turns.
  static let capacity = 8_192
  /// Beyond `capacity`, for essential messages only.
  static let essentialCapacity = 65_536

  /// Of `capacity`, for data packets: a flood of them must leave room for commands.
  static let dataCapacity = 4_096
  static let dataByteCapacity = 16 << 20

  private struct State {
    var messages: [LoopMessage] = []
    var dataCount = 0
    var dataByteCount = 0
    var isClosed = false

    /// False when the packet finds no room.
    mutating func addData(_ byteCount: Int) -> Bool {
      guard dataCount < Mailbox.dataCapacity, dataByteCount + byteCount <= Mailbox.dataByteCapacity else {
        return false
      }
      dataCount += 1
      dataByteCount += byteCount
      return true
    }

    mutating func take(into messages: inout [LoopMessage]) {
      swap(&self.messages, &messages)
      dataCount = 0
      dataByteCount = 0
    }
  }

  let wakeDescriptor: Int32
  private let state = Mutex(State())

  /// Nil when the process has no descriptor left.
  init?() {
    wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard wakeDescriptor >= 0 else { return nil }
  }

  deinit { close(wakeDescriptor) }

  func post(_ message: LoopMessage) -> Bool {
    let limit = message.isEssential ? Self.essentialCapacity : Self.capacity
    let (isTaken, wasEmpty) = state.withLock { state in
      guard !state.isClosed, state.messages.count < limit, message.dataByteCount.map({ state.addData($0) }) ?? true
      else { return (false, false) }
      state.messages.append(message)
      return (true, state.messages.count == 1)
    }
    if wasEmpty { wake() }
    return isTaken
  }

  /// Swaps the waiting messages with `messages`, which must be empty. False: a poster holds the lock, come back.
  func take(into messages: inout [LoopMessage]) -> Bool {
    var value: UInt64 = 0
    read(wakeDescriptor, &value, MemoryLayout<UInt64>.size)
    let isTaken = state.withLockIfAvailable { $0.take(into: &messages) } != nil
    if !isTaken { wake() }
    return isTaken
  }

  /// Refuses what comes from now on and drops what waits.
  func closeForGood() {
    let rest = state.withLock { state in
      state.isClosed = true
      defer { state.messages = [] }
      return state.messages
    }
    _ = rest
  }

  private func wake() {
    var one: UInt64 = 1
    write(wakeDescriptor, &one, MemoryLayout<UInt64>.size)
  }
}
