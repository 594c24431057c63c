import Base
import CUsrSCTP
import Glibc
import Synchronization

/// The process-wide part of usrsctp: one lock and its time.
///
/// usrsctp keeps its tables and timers in globals, while each media loop owns the associations of its own rooms. So
/// every call into the library is made under one process-wide lock, for the length of that call. Its callbacks run
/// inside such a call, on whichever thread makes it, and only copy bytes into the association's own outbox, found by
/// id. Nobody's code runs under the lock; packets and events are fetched afterwards. Audio never passes here, so a
/// loop meets the lock only with a data channel's packet and once in `tickInterval`.
public enum SCTPStack {
  /// Timers need no finer time than this.
  public static let tickInterval = Duration.milliseconds(10)

  /// Lets the library's timers see the time. Call it on each tick of each loop; a call less than `tickInterval` after
  /// another loop's returns at once.
  public static func advance(to now: MonotonicTime) { SCTPProcess.shared.advance(to: now) }

  /// Lets `elapsed` pass for all associations of the process: for tests in virtual time, instead of `advance(to:)`.
  public static func advance(by elapsed: Duration) {
    SCTPProcess.shared.locked { _ in usrsctp_handle_timers(UInt32(clamping: elapsed.wholeMilliseconds)) }
  }
}

/// usrsctp's globals and the table that leads from an id to its association's outbox.
// @unchecked: the variables are touched only inside `locked`.
final class SCTPProcess: @unchecked Sendable {
  static let shared = SCTPProcess()

  private let gate = Mutex<Void>(())
  private var outboxes: [UInt: SCTPOutbox] = [:]
  private var lastID: UInt = 0
  private var clock = SCTPClock()
  /// When `clock` will have something to do, in nanoseconds: to be looked at without the lock.
  private let dueNanoseconds = Atomic<Int64>(.min)

  private init() {
    // The callbacks capture nothing; `address` is an id in a pointer's clothing. The last parameter would print.
    usrsctp_init_nothreads(
      0,
      { address, packet, byteCount, _, _ in
        SCTPProcess.shared.outboxes[UInt(bitPattern: address)]?.send(
          UnsafeRawBufferPointer(start: packet, count: byteCount))
        return 0
      }, nil)
    // Features of multi-homed SCTP that no data channel uses.
    usrsctp_sysctl_set_sctp_ecn_enable(0)
    usrsctp_sysctl_set_sctp_asconf_enable(0)
    usrsctp_sysctl_set_sctp_auto_asconf(0)
    usrsctp_sysctl_set_sctp_auth_enable(0)
    usrsctp_sysctl_set_sctp_nrsack_enable(0)
    usrsctp_sysctl_set_sctp_pktdrop_enable(0)
  }

  /// The one lock. Not recursive: `body` makes the C call and returns.
  func locked<Result>(_ body: (SCTPProcess) -> Result) -> Result {
    gate.withLock { _ in body(self) }
  }

  /// Inside `locked`. Ids start at 1, because 0 is a null pointer, and are never used again: a late callback for an
  /// association that is gone finds nothing.
  func register(_ outbox: SCTPOutbox) -> UInt {
    lastID += 1
    outboxes[lastID] = outbox
    return lastID
  }

  /// Inside `locked`.
  func unregister(_ id: UInt) { outboxes[id] = nil }

  /// Inside `locked`: the way of usrsctp's callbacks to the association they mean.
  func outbox(_ id: UnsafeMutableRawPointer?) -> SCTPOutbox? { outboxes[UInt(bitPattern: id)] }

  func advance(to now: MonotonicTime) {
    let due = MonotonicTime(nanoseconds: dueNanoseconds.load(ordering: .relaxed))
    if now < due, now > due - SCTPClock.tolerance { return }
    locked { process in
      let milliseconds = process.clock.advance(to: now)
      let due = (process.clock.now ?? now) + SCTPStack.tickInterval
      process.dueNanoseconds.store(due.nanoseconds, ordering: .relaxed)
      if milliseconds > 0, !process.outboxes.isEmpty { usrsctp_handle_timers(UInt32(clamping: milliseconds)) }
    }
  }
}
