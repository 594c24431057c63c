import COpenSSL

/// Hashes of RFC 7616 and the HMAC that protects nonces, computed by OpenSSL.
public enum Digest {
  static func md5(_ bytes: [UInt8]) -> [UInt8] { hash(bytes, EVP_md5()) }
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] { hash(bytes, EVP_sha256()) }

  /// HMAC-SHA-256 (RFC 2104), 32 bytes.
  static func hmacSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let done = HMAC(EVP_sha256(), key, Int32(clamping: key.count), bytes, bytes.count, &result, &count)
    return done == nil ? [] : Array(result.prefix(Int(count)))
  }

  /// Takes the same time wherever the first difference lies (`CRYPTO_memcmp`). Nothing equals an empty hash.
  static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    !a.isEmpty && a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
  }

  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil unless the text is an even number of hexadecimal digits.
  static func bytes(hexadecimal text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in text.utf8 {
      guard let value = value(of: character) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// `EVP_Digest`. Empty when OpenSSL was built or configured without the algorithm.
  private static func hash(_ bytes: [UInt8], _ algorithm: OpaquePointer?) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let done = EVP_Digest(bytes, bytes.count, &result, &count, algorithm, nil)
    return done == 1 ? Array(result.prefix(Int(count))) : []
  }
}
