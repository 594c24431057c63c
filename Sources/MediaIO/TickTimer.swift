import Base
import CLinux
import Glibc

/// A timerfd on the monotonic clock that fires on a fixed grid, so that a late tick does not delay those after it.
struct TickTimer: ~Copyable {
  let descriptor: Int32
  let period: Duration
  /// When the last tick that `take` counted was due.
  private(set) var lastDue: MonotonicTime

  /// Nil when the process has no descriptor left.
  init?(period: Duration, from start: MonotonicTime) {
    descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    self.period = period
    lastDue = start
    var specification = itimerspec(
      it_interval: Self.timespec(period.wholeNanoseconds), it_value: Self.timespec((start + period).nanoseconds))
    timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &specification, nil)
  }

  deinit { close(descriptor) }

  /// Ticks that have come due since the last call.
  mutating func take() -> Int {
    var count: UInt64 = 0
    guard read(descriptor, &count, MemoryLayout<UInt64>.size) == MemoryLayout<UInt64>.size else { return 0 }
    lastDue += period * Int(count)
    return Int(count)
  }

  private static func timespec(_ nanoseconds: Int64) -> Glibc.timespec {
    Glibc.timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
