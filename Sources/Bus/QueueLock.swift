import Base
import COpenSSL

/// The lock that makes one of many servers take a request: `SET key value NX EX 5` on the same Redis.
public struct QueueLock: Hashable, Sendable {
  /// Longer than a request is on its way, so that the slowest server still finds it locked.
  public static let lifetime: Duration = .seconds(5)

  /// Base64 of the SHA-256 of the published payload, byte for byte as it came.
  public let key: String

  public init(payload: [UInt8]) {
    var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let isDone = EVP_Digest(payload, payload.count, &hash, &count, EVP_sha256(), nil) == 1
    key = Self.base64(isDone ? hash.prefix(Int(count)) : [])
  }

  /// RFC 4648 §4, padded.
  static func base64(_ bytes: ArraySlice<UInt8>) -> String {
    var text: [UInt8] = []
    var rest = bytes
    while !rest.isEmpty {
      let group = Array(rest.prefix(3))
      rest = rest.dropFirst(3)
      let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * (3 - UInt32(group.count)))
      for index in 0..<4 {
        let isPadding = index > group.count
        text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(bits >> (18 - 6 * UInt32(index)) & 63)])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
