import CAllocations
import Glibc

/// Measures CPU time of the calling thread: what other processes of the machine do lengthens it far less than wall time.
struct Stopwatch {
  /// The best of so many rounds counts: whatever disturbs a round makes it longer.
  let rounds: Int

  /// CPU time of one call of `body` in nanoseconds, the best of all rounds; `body` is given the number of the call.
  func nanoseconds(calls: Int, _ body: (Int) -> Void) -> Double {
    // The first round warms caches and tables.
    for call in 0..<calls { body(call) }
    var best = Int64.max
    for _ in 0..<rounds {
      let start = Self.now()
      for call in 0..<calls { body(call) }
      best = min(best, Self.now() - start)
    }
    return Double(best) / Double(calls)
  }

  /// CPU time of the calling thread, in nanoseconds.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Uses a value, so that the compiler cannot leave out what made it.
@inline(never)
func consume<Value>(_ value: Value) {}

/// Allocations of the calling thread in `body`.
func allocations(in body: () -> Void) -> Int {
  callocations_start()
  body()
  return Int(callocations_stop())
}
