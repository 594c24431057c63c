import Base

/// The process-wide part of usrsctp: one lock and its time.
///
/// usrsctp keeps its tables and timers in globals, while each media loop owns the associations of its own rooms. So
/// every call into the library is made under one process-wide lock, for the length of that call. Its callbacks run
/// inside such a call, on whichever thread makes it, and only copy bytes into the association's own outbox, found by
/// id. Nobody's code runs under the lock; packets and events are fetched afterwards. Audio never passes here.
public enum SCTPStack {
  /// Lets the library's timers see the time. Call it on each tick of each loop; calls less than 10 ms after
  /// another loop's return at once.
  public static func advance(to now: MonotonicTime) {}

  /// Lets `elapsed` pass for all associations of the process: for tests in virtual time, instead of `advance(to:)`.
  public static func advance(by elapsed: Duration) {}
}
