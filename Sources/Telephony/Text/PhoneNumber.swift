/// Spelling rules of telephone numbers, as LiveKit compares them.
public enum PhoneNumber {
  /// `(123) 456 7890` → `+1234567890`. Text that is not a number in digits, `-`, space and parentheses (`user`, `*12`)
  /// stays as it is.
  public static func normalized(_ text: some StringProtocol) -> String {
    digits(of: text).map { "+" + $0 } ?? String(text)
  }

  /// `(123) 456-7890` → `1234567890`, `+1 555 0100` → `+15550100`: what is dialled. Other text stays as it is.
  static func withoutSeparators(_ text: String) -> String {
    digits(of: text).map { (text.utf8.first == UInt8(ascii: "+") ? "+" : "") + $0 } ?? text
  }

  /// Nil for text that is not a number.
  private static func digits(of text: some StringProtocol) -> String? {
    var digits: [UInt8] = []
    var rest = Substring(text).utf8[...]
    if rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    guard !rest.isEmpty else { return nil }
    for byte in rest {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(byte)
      case UInt8(ascii: "-"), UInt8(ascii: " "), UInt8(ascii: "("), UInt8(ascii: ")"): continue
      default: return nil
      }
    }
    return String(decoding: digits, as: UTF8.self)
  }
}

/// One entry of `numbers`, `allowed_numbers` or `inbound_numbers`: a number, a country code or a prefix.
///
/// - `+15550100`, `(555) 01-00`, `user`: that number, compared in its normalised form.
/// - `+1`, `+44`, `+353` (at most four characters): every number of that country code.
/// - `+1555*`, `sip-*`: every number that begins so. `*` alone: every number.
public struct NumberPattern: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// As written.
  public let text: String
  /// Normalised, without the trailing `*`.
  public let body: String
  public let isPrefix: Bool

  public init(_ text: String) {
    self.text = text
    let isStarred = text.hasSuffix("*")
    body = PhoneNumber.normalized(isStarred ? String(text.dropLast()) : text)
    isPrefix = isStarred || Self.isCountryCode(text)
  }

  public init(stringLiteral text: String) { self.init(text) }

  /// Two spellings of one pattern are one pattern.
  public static func == (a: NumberPattern, b: NumberPattern) -> Bool { a.body == b.body && a.isPrefix == b.isPrefix }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(body)
    hasher.combine(isPrefix)
  }

  public func matches(_ number: String) -> Bool { matches(normalized: PhoneNumber.normalized(number)) }

  func matches(normalized number: String) -> Bool { isPrefix ? number.hasPrefix(body) : number == body }

  /// Whether some number matches both.
  public func overlaps(_ other: NumberPattern) -> Bool { covers(other) || other.covers(self) }

  /// Whether every number that matches `other` matches this too.
  public func covers(_ other: NumberPattern) -> Bool {
    isPrefix ? other.body.hasPrefix(body) : !other.isPrefix && other.body == body
  }

  /// `*`
  var isEverything: Bool { isPrefix && body.isEmpty }

  public var description: String { text }

  private static func isCountryCode(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return (2...4).contains(bytes.count) && bytes[0] == UInt8(ascii: "+")
      && bytes[1...].allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
