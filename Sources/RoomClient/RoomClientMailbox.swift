import Base
import Synchronization

/// What is asked of the room client's thread. Both sides keep it: it outlives whichever ends first.
final class RoomClientMailbox: Sendable {
  enum Command: Sendable {
    case connect(UInt64, RoomClient.Target)
    case send(UInt64, [UInt8], isBinary: Bool)
    case close(UInt64)
    case resolved(host: String, [IPAddress])
  }

  private struct State: ~Copyable {
    var commands: [Command] = []
    var isClosed = false
    /// Wakes the thread. Nil before it runs and once it has ended.
    var wake: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  func post(_ command: Command) {
    state.withLock { state in
      guard !state.isClosed else { return }
      state.commands.append(command)
      // Under the lock, or the library might be gone: it writes one byte to a pipe.
      if state.commands.count == 1 { state.wake?() }
    }
  }

  /// Nothing is taken from then on; what was asked before is done.
  func close() {
    state.withLock { state in
      state.isClosed = true
      state.wake?()
    }
  }

  // MARK: The thread's side

  func setWake(_ wake: (@Sendable () -> Void)?) {
    state.withLock { state in
      state.wake = wake
      if !state.commands.isEmpty || state.isClosed { wake?() }
    }
  }

  /// What is to be done, and whether nothing comes after it.
  func takeCommands() -> (commands: [Command], isLast: Bool) {
    state.withLock { state in
      defer { state.commands = [] }
      return (state.commands, state.isClosed)
    }
  }
}
