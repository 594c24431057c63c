import Synchronization

/// Inbound messages between the event loop, which puts, and the one task that takes.
///
/// A class because both sides hold it. The lock guards the queue and the waiting task.
final class MessageInbox: Sendable {
  /// Queued bytes from which on the socket should not be read.
  let byteLimit: Int
  /// Called without the lock when a full inbox has room again. Set once, before the first message.
  private let roomAgain: @Sendable () -> Void
  private let state = Mutex(State())

  private struct State {
    var queue: [WebSocketMessage] = []
    var taken = 0
    var byteCount = 0
    var isFinished = false
    var waiter: CheckedContinuation<WebSocketMessage?, Never>?

    /// An empty message still costs its slot.
    func cost(of message: WebSocketMessage) -> Int { message.byteCount + 64 }

    mutating func pop() -> WebSocketMessage? {
      guard taken < queue.count else { return nil }
      let message = queue[taken]
      taken += 1
      byteCount -= cost(of: message)
      if taken == queue.count {
        queue.removeAll(keepingCapacity: true)
        taken = 0
      }
      return message
    }
  }

  init(byteLimit: Int, roomAgain: @escaping @Sendable () -> Void) {
    self.byteLimit = byteLimit
    self.roomAgain = roomAgain
  }

  var isFull: Bool { state.withLock { $0.byteCount >= byteLimit } }

  func put(_ message: WebSocketMessage) {
    let waiter = state.withLock { state -> CheckedContinuation<WebSocketMessage?, Never>? in
      guard !state.isFinished else { return nil }
      if let waiter = state.waiter {
        state.waiter = nil
        return waiter
      }
      state.queue.append(message)
      state.byteCount += state.cost(of: message)
      return nil
    }
    waiter?.resume(returning: message)
  }

  /// After this, `take` returns what is left and then nil.
  func finish() {
    let waiter = state.withLock { state in
      state.isFinished = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }

  /// The next message; nil at the end, or when the taking task is cancelled.
  func take() async -> WebSocketMessage? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (isDecided, message, wasFull) = state.withLock { state -> (Bool, WebSocketMessage?, Bool) in
          let wasFull = state.byteCount >= byteLimit
          if let message = state.pop() { return (true, message, wasFull && state.byteCount < byteLimit) }
          if state.isFinished || Task.isCancelled { return (true, nil, false) }
          precondition(state.waiter == nil, "two tasks read one WebSocket")
          state.waiter = continuation
          return (false, nil, false)
        }
        if isDecided { continuation.resume(returning: message) }
        if wasFull { roomAgain() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume(returning: nil)
    }
  }
}
