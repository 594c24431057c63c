import Base

/// How much of the loops' common time usrsctp has been told of. It counts in whole milliseconds.
struct SCTPClock: Sendable {
  /// A loop read its clock before another one did, and came here after it: that is not time running backwards.
  static let tolerance = Duration.seconds(1)

  /// Where the library's time stands; nil before the first call.
  private(set) var now: MonotonicTime?

  /// The milliseconds to let pass, zero when `SCTPStack.tickInterval` is not over. What is less than a millisecond is
  /// left for the next time. A clock that is far behind is another one, and is followed from here on.
  mutating func advance(to time: MonotonicTime) -> Int64 {
    guard let now, time > now - Self.tolerance else {
      self.now = time
      return 0
    }
    guard time - now >= SCTPStack.tickInterval else { return 0 }
    let milliseconds = (time - now).wholeMilliseconds
    self.now = now + .milliseconds(milliseconds)
    return milliseconds
  }
}
