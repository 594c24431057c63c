import Base
import COpenSSL

/// The key of MESSAGE-INTEGRITY, prepared once for any number of messages (RFC 8489 §9.1.1, §14.5).
public struct STUNKey: Sendable {
  private let authentication: HMACSHA1

  /// The short-term credential: the password itself. ICE passwords are ASCII and need no preparation.
  public init(password: String) { self.init(bytes: Array(password.utf8)) }

  /// The long-term credential (RFC 8489 §9.2.2): MD5 of `username:realm:password`.
  public init(username: String, realm: some Collection<UInt8>, password: String) {
    let text = Array(username.utf8) + [UInt8(ascii: ":")] + realm + [UInt8(ascii: ":")] + Array(password.utf8)
    var digest = [UInt8](repeating: 0, count: Int(MD5_DIGEST_LENGTH))
    MD5(text, text.count, &digest)
    self.init(bytes: digest)
  }

  public init(bytes: [UInt8]) { authentication = HMACSHA1(key: bytes) }

  /// HMAC-SHA1 over the message up to `offset`, its length field read as if MESSAGE-INTEGRITY were the end.
  func integrity(of message: RawSpan, upTo offset: Int) -> HMACSHA1.Tag {
    var computation = authentication.makeComputation()
    let length = offset + 4 + STUNMessage.integrityByteCount - STUNMessage.headerByteCount
    computation.update(UInt32(message.uint16(at: 0)) << 16 | UInt32(length))
    message.extracting(4..<offset).withUnsafeBytes { computation.update($0) }
    return computation.finish()
  }
}

/// FINGERPRINT (RFC 8489 §14.7): CRC-32 of what goes before, xor "STUN".
enum STUNFingerprint {
  private static let mask: UInt32 = 0x5354_554E

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }

  /// Over the message up to `offset`. Its length field must count FINGERPRINT in already.
  static func value(of message: RawSpan, upTo offset: Int) -> UInt32 {
    let table = table.span
    var crc: UInt32 = ~0
    for index in 0..<offset {
      crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ message.uint8(at: index))]
    }
    return ~crc ^ mask
  }
}
