/// A point on the machine's monotonic clock. Core code receives it as `now`; only edges read a clock.
public struct MonotonicTime: Hashable, Comparable, Sendable {
  /// Nanoseconds since an arbitrary start that is fixed for the life of the process.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = MonotonicTime(nanoseconds: 0)

  public static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func - (a: MonotonicTime, b: MonotonicTime) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
  public static func + (a: MonotonicTime, b: Duration) -> MonotonicTime {
    MonotonicTime(nanoseconds: a.nanoseconds + b.wholeNanoseconds)
  }
  public static func - (a: MonotonicTime, b: Duration) -> MonotonicTime {
    MonotonicTime(nanoseconds: a.nanoseconds - b.wholeNanoseconds)
  }
  public static func += (a: inout MonotonicTime, b: Duration) { a = a + b }
}

extension Duration {
  /// Whole nanoseconds, clamped to `Int64`.
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, tooFar) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return tooFar ? (seconds < 0 ? .min : .max) : sum
  }

  /// Whole milliseconds, rounded towards zero.
  public var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }

  /// Seconds with their fraction, for statistics and people.
  public var seconds: Double { Double(wholeNanoseconds) / 1e9 }
}
