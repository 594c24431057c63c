import Base

/// One thing that a TURN client asks its server for, now and again: when it is due, and what has become of it.
struct TURNRequest: Sendable {
  /// RFC 8489 §6.2.1, faster at the beginning: after 250 ms, doubling; 8 s in all.
  private static let firstInterval = Duration.milliseconds(250)
  private static let maximumSendCount = 6
  /// RFC 8489 §6.2.2 allows 39.5 s, which nobody on a phone waits for.
  private static let streamTimeout = Duration.seconds(8)

  let method: STUNMessage.Method
  private(set) var id = STUNMessage.TransactionID(high: 0, low: 0)
  /// Nil: nothing is to be sent.
  private var due: MonotonicTime? = .zero
  private var sendCount = 0

  init(method: STUNMessage.Method) { self.method = method }

  func isDue(at now: MonotonicTime) -> Bool { due.map { now >= $0 } ?? false }

  /// Counts a transmission, of a new transaction or again of the one that has no answer. False when that one is given
  /// up.
  mutating func send(at now: MonotonicTime, isStream: Bool, using random: inout RandomSource) -> Bool {
    if sendCount == 0 {
      id = STUNMessage.TransactionID(high: UInt32(truncatingIfNeeded: random.next()), low: random.next())
    }
    guard sendCount < (isStream ? 1 : Self.maximumSendCount) else { return false }
    due = now + (isStream ? Self.streamTimeout : Self.firstInterval * (1 << sendCount))
    sendCount += 1
    return true
  }

  func isAnswered(by message: STUNMessage) -> Bool {
    sendCount > 0 && message.kind.method == method && message.transactionID == id
  }

  /// A new transaction, with what the server said is missing.
  mutating func retry(at now: MonotonicTime) {
    due = now
    sendCount = 0
  }

  /// It has been answered, or given up; the next time is `nextAt`.
  mutating func finish(nextAt: MonotonicTime) {
    due = nextAt
    sendCount = 0
  }
}
