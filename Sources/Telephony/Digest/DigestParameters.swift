/// What stands behind `Digest` in a challenge or in credentials (RFC 7616 §3.3, §3.4). Everything is the sender's claim.
public struct DigestParameters: Hashable, Sendable {
  /// Bytes of a header that are looked at; longer ones are refused.
  static let byteLimit = 4096
  private static let parameterLimit = 32

  private var values: [String: String] = [:]

  /// Nil unless the scheme is Digest and the header well formed: no parameter twice, no text after the last one.
  public init?(_ header: String) {
    guard header.utf8.count <= Self.byteLimit else { return nil }
    var scanner = ParameterScanner(header)
    guard scanner.token()?.lowercased() == "digest" else { return nil }
    repeat {
      scanner.skipSpace()
      guard let name = scanner.token()?.lowercased() else { return nil }
      scanner.skipSpace()
      guard scanner.take(UInt8(ascii: "=")) else { return nil }
      scanner.skipSpace()
      guard let value = scanner.value(), values.updateValue(value, forKey: name) == nil,
        values.count <= Self.parameterLimit
      else { return nil }
      scanner.skipSpace()
    } while scanner.take(UInt8(ascii: ","))
    guard scanner.isAtEnd else { return nil }
  }

  /// - Parameter name: in lower case.
  public subscript(name: String) -> String? { values[name] }

  /// A quoted-string (RFC 3261 §25.1).
  static func quoted(_ text: String) -> String {
    text.reduce(into: "\"") { result, character in
      if character == "\"" || character == "\\" { result.append("\\") }
      result.append(character)
    } + "\""
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
