/// A self-signed ECDSA P-256 certificate, made at start and named to peers by its fingerprint.
public struct DTLSCertificate: ~Copyable {
  public let fingerprint: DTLSFingerprint

  /// Nil when OpenSSL has no randomness or memory. Valid for a year from now.
  public static func selfSigned(commonName: String = "trunkline") -> DTLSCertificate? { nil }

  private init() { fingerprint = DTLSFingerprint(bytes: []) }
}

/// SHA-256 of a DER certificate, as `a=fingerprint:sha-256` carries it (RFC 8122 §5).
public struct DTLSFingerprint: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  public let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Parses `AB:CD:…` in either case. Nil unless it is 32 bytes.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 32, parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
    bytes = parts.compactMap { UInt8($0, radix: 16) }
    guard bytes.count == 32 else { return nil }
  }

  /// `AB:CD:…` in upper case.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
  }
}
