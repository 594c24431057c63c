/// Random names as LiveKit forms them: a prefix that tells the kind and 12 characters that cannot be misread.
public enum GUID {
  /// 57 symbols: no 0 1 I O l.
  public static let alphabet = Array("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
  public static let bodyLength = 12

  /// `prefix` followed by `bodyLength` characters drawn from `alphabet`.
  public static func make(prefix: String = "", using generator: inout some RandomNumberGenerator) -> String {
    var bytes = Array(prefix.utf8)
    for _ in 0..<bodyLength { bytes.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]) }
    return String(decoding: bytes, as: UTF8.self)
  }

  public static func make(prefix: String = "") -> String {
    var generator = SystemRandomNumberGenerator()
    return make(prefix: prefix, using: &generator)
  }
}
