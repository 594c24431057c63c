/// Everything that touches the SIP stack runs here: one thread, Sofia's event loop.
@globalActor
public actor SIPActor {
  public static let shared = SIPActor()

  public nonisolated var unownedExecutor: UnownedSerialExecutor { SIPThread.shared.asUnownedSerialExecutor() }
}
