import Transport

/// The DTLS certificate of the process: self-signed, ECDSA P-256, new at every start.
public final class MediaIdentity: Sendable {
  let context: DTLSContext

  /// Nil when OpenSSL has no randomness or memory.
  public static func make() -> MediaIdentity? {
    guard let certificate = DTLSCertificate.selfSigned(), let context = DTLSContext(certificate) else { return nil }
    return MediaIdentity(context)
  }

  private init(_ context: DTLSContext) { self.context = context }

  /// `AB:CD:…`, 32 bytes: the value of `a=fingerprint:sha-256`.
  public var fingerprint: String { context.fingerprint.description }
}
