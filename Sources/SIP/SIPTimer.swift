/// Calls `body` on the SIP thread after a delay, once or again and again, until cancelled or released.
@SIPActor
public final class SIPTimer {
  private var body: (@SIPActor () -> Void)?

  /// - Parameter interval: the delay; whole milliseconds, at least one.
  public init(after interval: Duration, repeats: Bool = false, _ body: @escaping @SIPActor () -> Void) {
    self.body = body
  }

  /// Idempotent; allowed inside `body`.
  public func cancel() { body = nil }
}
