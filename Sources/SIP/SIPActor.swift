/// Everything that touches the SIP stack runs here: one thread, Sofia's event loop.
@globalActor
public actor SIPActor {
  public static let shared = SIPActor()

  public nonisolated var unownedExecutor: UnownedSerialExecutor { SIPThread.shared.asUnownedSerialExecutor() }

  /// Runs `operation` at once on the SIP thread; traps on any other. For the stack's callbacks.
  static func assumeIsolated<T>(_ operation: @SIPActor () throws -> T) rethrows -> T {
    SIPThread.shared.checkIsolated()
    // The standard library has this for MainActor alone; the cast drops nothing but the isolation just checked.
    return try withoutActuallyEscaping(operation) { escaping in
      try unsafeBitCast(escaping, to: (() throws -> T).self)()
    }
  }
}
