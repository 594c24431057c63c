/// The parameters of a Proxy-Authorization header (RFC 7616 §3.4, RFC 3261 §22.3). Everything is the sender's claim.
struct DigestCredentials: Hashable, Sendable {
  var username: String
  var realm: String
  var nonce: String
  var uri: String
  /// Decoded from hexadecimal.
  var response: [UInt8]
  /// Nil: another algorithm than ours.
  var algorithm: DigestAlgorithm?
  /// Nil in the form of RFC 2069.
  var quality: Quality?

  /// `qop=auth`, and what goes with it.
  struct Quality: Hashable, Sendable {
    /// As written: it is part of what was hashed.
    var countText: String
    var count: UInt32
    var clientNonce: String
    var isSupported: Bool
  }

  /// Bytes of a header that are looked at; longer ones are refused.
  static let byteLimit = 4096
  private static let parameterLimit = 32

  /// Nil unless the header is well formed: no parameter twice, no text after the last one, every field in place.
  init?(_ header: String) {
    guard header.utf8.count <= Self.byteLimit, let parameters = Self.parameters(header) else { return nil }
    guard let username = parameters["username"], let realm = parameters["realm"], let nonce = parameters["nonce"],
      let uri = parameters["uri"], let hexadecimal = parameters["response"],
      let response = Digest.bytes(hexadecimal: hexadecimal)
    else { return nil }
    self.username = username
    self.realm = realm
    self.nonce = nonce
    self.uri = uri
    self.response = response
    let name = parameters["algorithm"]?.uppercased() ?? DigestAlgorithm.md5.rawValue
    algorithm = DigestAlgorithm(rawValue: name)
    guard let qop = parameters["qop"] else {
      quality = nil
      return
    }
    guard let countText = parameters["nc"], countText.utf8.count == 8, let count = UInt32(countText, radix: 16),
      countText.first != "+", let clientNonce = parameters["cnonce"]
    else { return nil }
    quality = Quality(
      countText: countText, count: count, clientNonce: clientNonce, isSupported: qop.lowercased() == "auth")
  }

  /// Names in lower case. Nil when it is not Digest or breaks the grammar.
  private static func parameters(_ header: String) -> [String: String]? {
    var scanner = ParameterScanner(header)
    guard scanner.token()?.lowercased() == "digest" else { return nil }
    var parameters: [String: String] = [:]
    repeat {
      scanner.skipSpace()
      guard let name = scanner.token()?.lowercased() else { return nil }
      scanner.skipSpace()
      guard scanner.take(UInt8(ascii: "=")) else { return nil }
      scanner.skipSpace()
      guard let value = scanner.value(), parameters.updateValue(value, forKey: name) == nil,
        parameters.count <= parameterLimit
      else { return nil }
      scanner.skipSpace()
    } while scanner.take(UInt8(ascii: ","))
    return scanner.isAtEnd ? parameters : nil
  }
}

/// Reads `name=value` and `name="quoted value"` from hostile text.
private struct ParameterScanner {
  private let bytes: [UInt8]
  private var index = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { index == bytes.count }

  mutating func skipSpace() {
    while index < bytes.count, Self.isSpace(bytes[index]) { index += 1 }
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  /// Nil when there is not one character of it.
  mutating func token() -> String? {
    if index == 0 { skipSpace() }
    let start = index
    while index < bytes.count, HeaderSyntax.isTokenCharacter(bytes[index]) { index += 1 }
    return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
  }

  /// A quoted string without its quotes and escapes, or bare text up to a comma or space.
  mutating func value() -> String? {
    guard take(UInt8(ascii: "\"")) else { return bareValue() }
    var text: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\"") { return String(validating: text, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") {
        guard index < bytes.count else { return nil }
        text.append(bytes[index])
        index += 1
      } else {
        text.append(byte)
      }
    }
    return nil
  }

  /// Some phones write the URI without quotes.
  private mutating func bareValue() -> String? {
    let start = index
    while index < bytes.count, bytes[index] != UInt8(ascii: ","), bytes[index] != UInt8(ascii: "\""),
      !Self.isSpace(bytes[index])
    {
      index += 1
    }
    return index > start ? String(validating: bytes[start..<index], as: UTF8.self) : nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
