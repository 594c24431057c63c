import Base

/// Waits between attempts: twice as long each time up to a limit, half of it at random so that many clients of one
/// server do not come back at once.
struct Backoff: Sendable {
  static let first: Duration = .milliseconds(100)
  static let limit: Duration = .seconds(5)

  private var next = first

  mutating func wait(using generator: inout some RandomNumberGenerator) -> Duration {
    let half = next.wholeNanoseconds / 2
    next = min(next * 2, Self.limit)
    return .nanoseconds(half + Int64.random(in: 0...half, using: &generator))
  }

  mutating func reset() { next = Self.first }
}
