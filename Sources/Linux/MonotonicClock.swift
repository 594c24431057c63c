import Base
import Glibc

/// The machine's CLOCK_MONOTONIC and how it relates to its other clocks.
public enum MonotonicClock {
  public static func now() -> MonotonicTime { read(CLOCK_MONOTONIC) }

  /// CPU time of the calling thread.
  public static func threadCPUTime() -> MonotonicTime { read(CLOCK_THREAD_CPUTIME_ID) }

  /// Processor time of the process, user and system, since it started.
  public static func processCPUTime() -> MonotonicTime { read(CLOCK_PROCESS_CPUTIME_ID) }

  /// Unix time at `MonotonicTime.zero`, nanoseconds. Read once: RTCP wants a steady clock, not a corrected one.
  public static func unixNanosecondsAtZero() -> Int64 {
    read(CLOCK_REALTIME).nanoseconds - now().nanoseconds
  }

  private static func read(_ clock: clockid_t) -> MonotonicTime {
    var time = timespec()
    clock_gettime(clock, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}
