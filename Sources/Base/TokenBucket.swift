/// Lets through a steady rate and a burst above it.
public struct TokenBucket: Hashable, Sendable {
  private let perSecond: Double
  private let capacity: Double
  private var tokens: Double
  private var filledAt: MonotonicTime

  public init(perSecond: Int, burst: Int, now: MonotonicTime) {
    self.perSecond = Double(perSecond)
    capacity = Double(burst)
    tokens = capacity
    filledAt = now
  }

  /// False when there is none left.
  public mutating func take(now: MonotonicTime) -> Bool {
    if now > filledAt {
      tokens = min(capacity, tokens + perSecond * (now - filledAt).seconds)
      filledAt = now
    }
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
