import Base
import COpenSSL

/// Binding requests as a client's ICE agent makes them (RFC 8445 §7.1).
public enum STUNRequest {
  /// With USERNAME `server:client`, PRIORITY, MESSAGE-INTEGRITY and FINGERPRINT.
  public static func make(
    to serverUfrag: String, password: String, from clientUfrag: String = "peer", isNominating: Bool = true
  ) -> [UInt8] {
    var message: [UInt8] = [0x00, 0x01, 0, 0, 0x21, 0x12, 0xA4, 0x42]
    for _ in 0..<12 { message.append(.random(in: 0...255)) }
    append(0x0006, Array("\(serverUfrag):\(clientUfrag)".utf8), to: &message)
    append(0x0024, [0x6E, 0x7F, 0x1E, 0xFF], to: &message)
    if isNominating { append(0x0025, [], to: &message) }
    setLength(message.count - 20 + 24, of: &message)
    append(0x0008, hmacSHA1(message, key: Array(password.utf8)), to: &message)
    setLength(message.count - 20 + 8, of: &message)
    let crc = crc32(message) ^ 0x5354_554E
    append(0x8028, (0..<4).map { UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32($0))) }, to: &message)
    return message
  }

  private static func append(_ type: UInt16, _ value: [UInt8], to message: inout [UInt8]) {
    message += [UInt8(type >> 8), UInt8(type & 0xFF), UInt8(value.count >> 8), UInt8(value.count & 0xFF)]
    message += value
    while message.count % 4 != 0 { message.append(0) }
  }

  private static func setLength(_ length: Int, of message: inout [UInt8]) {
    message[2] = UInt8(length >> 8)
    message[3] = UInt8(length & 0xFF)
  }

  private static func hmacSHA1(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    var tag = [UInt8](repeating: 0, count: 20)
    var count: UInt32 = 0
    HMAC(EVP_sha1(), key, Int32(key.count), message, message.count, &tag, &count)
    return tag
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
