import Base

/// When the next RTCP reports of a transport are due.
struct ReportSchedule {
  /// RFC 3550 §6.2 allows less than the minimum of 5 s for a session of two; speaker quality wants fresh figures.
  private static let interval = Duration.seconds(1)

  /// Where the next turn of sender reports begins, when one datagram does not hold all.
  var rotation = 0
  private var due = MonotonicTime.zero

  mutating func start(at now: MonotonicTime) { due = now + Self.interval }

  /// True once in an interval.
  mutating func isDue(at now: MonotonicTime) -> Bool {
    guard now >= due else { return false }
    due = now + Self.interval
    return true
  }
}
