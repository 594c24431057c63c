import COpenSSL

/// SHA-256 of a DER certificate, as `a=fingerprint:sha-256` carries it (RFC 8122 §5).
public struct DTLSFingerprint: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  public let bytes: [UInt8]

  /// Parses `AB:CD:…` in either case. Nil unless it is 32 bytes.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
    bytes = parts.compactMap { UInt8($0, radix: 16) }
    guard bytes.count == 32 else { return nil }
  }

  /// `X509_digest`. Nil when OpenSSL refuses.
  init?(of certificate: OpaquePointer) {
    var digest = [UInt8](repeating: 0, count: 32)
    guard X509_digest(certificate, EVP_sha256(), &digest, nil) == 1 else { return nil }
    bytes = digest
  }

  /// `AB:CD:…` in upper case.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
  }
}
