import CLinux
import CSofia
import Dispatch
import Glibc

/// The thread of Sofia's event loop as a serial executor. One per process, for its life: Sofia's root belongs to the
/// thread that made it.
// @unchecked: `loop` and `thread` are written before init returns and never again.
public final class SIPThread: SerialExecutor, @unchecked Sendable {
  public static let shared = SIPThread()

  nonisolated(unsafe) let loop: OpaquePointer
  private let thread: pthread_t

  private init() {
    let start = Start()
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Start>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(start).toOpaque())
    precondition(result == 0, "pthread_create failed with \(result)")
    start.isReady.wait()
    guard let loop = start.loop else { preconditionFailure("su_root_create failed: no memory or no descriptors") }
    self.loop = loop
    self.thread = thread
  }

  /// `su_msg_send`.
  public func enqueue(_ job: consuming ExecutorJob) {
    let pointer = unsafeBitCast(UnownedJob(job), to: UnsafeMutableRawPointer.self)
    let isSent = csofia_loop_post(
      loop,
      { pointer in
        let job = unsafeBitCast(pointer, to: UnownedJob.self)
        job.runSynchronously(on: SIPThread.shared.asUnownedSerialExecutor())
      }, pointer)
    precondition(isSent, "no memory for a job of the SIP thread")
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  public func checkIsolated() {
    precondition(isIsolatingCurrentContext() == true, "not on the SIP thread")
  }

  /// Whether the caller runs on the SIP thread.
  public func isIsolatingCurrentContext() -> Bool? { pthread_equal(thread, pthread_self()) != 0 }
}

/// Carries the loop from the new thread to the one that waits for it.
// @unchecked: `loop` is written before the signal and read after it.
private final class Start: @unchecked Sendable {
  let isReady = DispatchSemaphore(value: 0)
  var loop: OpaquePointer?

  func run() {
    clinux_name_thread("sip")
    loop = csofia_loop_create()
    isReady.signal()
    if let loop { csofia_loop_run(loop) }
  }
}
