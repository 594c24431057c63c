import Base

/// Both clocks at one moment: ours decides about timeouts, the wall clock stands in messages.
public struct BusTime: Hashable, Sendable {
  public var now: MonotonicTime
  public var unixNanoseconds: Int64

  public init(_ now: MonotonicTime, unixNanoseconds: Int64) {
    self.now = now
    self.unixNanoseconds = unixNanoseconds
  }
}
