import Base

/// Watches that a phone keeps sending, except while the call is on hold.
struct MediaTimeout {
  private let initial: Duration?
  private let running: Duration?
  /// Nil: not watching.
  private var since: MonotonicTime?
  private var isWaitingForFirst = true
  private var hasExpired = false

  /// The first limit holds until the first packet, the second from one packet to the next.
  init(initial: Duration?, running: Duration?) {
    self.initial = initial
    self.running = running
  }

  /// Again after every negotiation. What the phone is asked to send may have changed.
  mutating func expectMedia(_ isExpected: Bool, at now: MonotonicTime) {
    if !isExpected {
      since = nil
      isWaitingForFirst = true
    } else if since == nil {
      since = now
    }
  }

  mutating func packetArrived(at now: MonotonicTime) {
    isWaitingForFirst = false
    if since != nil { since = now }
  }

  /// True once, when the limit has passed.
  mutating func expires(at now: MonotonicTime) -> Bool {
    guard !hasExpired, let since, let limit = isWaitingForFirst ? initial : running, now - since >= limit else {
      return false
    }
    hasExpired = true
    return true
  }
}
