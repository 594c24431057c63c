import Base

extension MonotonicTime {
  /// This time in ticks of a clock of `rateHz`, rounded down.
  func ticks(atHz rateHz: Int) -> Int64 {
    // Seconds and their rest apart: nanoseconds times rate would overflow after two days.
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return seconds &* Int64(rateHz) &+ rest * Int64(rateHz) / 1_000_000_000
  }
}
