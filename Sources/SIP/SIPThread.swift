/// The thread of Sofia's event loop as a serial executor. One per process: Sofia's root belongs to the thread that made it.
public final class SIPThread: SerialExecutor {
  public static let shared = SIPThread()

  public func enqueue(_ job: consuming ExecutorJob) {}
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
  public func checkIsolated() {}
  /// Whether the caller runs on the SIP thread.
  public func isIsolatingCurrentContext() -> Bool? { false }
}
