/// A JSON object (RFC 8259) whose members are strings, numbers, booleans and null: all that a trickled candidate is
/// made of, read without Foundation. The caller bounds the length.
struct FlatJSONObject {
  enum Value: Hashable {
    case string(String)
    /// As it was written.
    case number(String)
    case boolean(Bool)
    case null
  }

  /// Of members with one name the last counts.
  private(set) var members: [String: Value] = [:]

  /// Nil unless the text is one such object, and nothing else but white space.
  init?(_ text: String) {
    var reader = Reader(bytes: Array(text.utf8))
    guard reader.takes(UInt8(ascii: "{")) else { return nil }
    if !reader.takes(UInt8(ascii: "}")) {
      repeat {
        guard let name = reader.string(), reader.takes(UInt8(ascii: ":")), let value = reader.value() else {
          return nil
        }
        members[name] = value
      } while reader.takes(UInt8(ascii: ","))
      guard reader.takes(UInt8(ascii: "}")) else { return nil }
    }
    guard reader.isAtEnd else { return nil }
  }

  /// A JSON string with what must be escaped escaped.
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\" + String(scalar)
      case "\u{0}"..."\u{1F}":
        let hex = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private struct Reader {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return position == bytes.count
      }
    }

    /// Passes over `byte` and the space before it, if it is next.
    mutating func takes(_ byte: UInt8) -> Bool {
      skipSpace()
      guard position < bytes.count, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    mutating func value() -> Value? {
      skipSpace()
      guard position < bytes.count else { return nil }
      switch bytes[position] {
      case UInt8(ascii: "\""): return string().map { .string($0) }
      case UInt8(ascii: "t"): return takesWord("true") ? .boolean(true) : nil
      case UInt8(ascii: "f"): return takesWord("false") ? .boolean(false) : nil
      case UInt8(ascii: "n"): return takesWord("null") ? .null : nil
      default: return number()
      }
    }

    mutating func string() -> String? {
      guard takes(UInt8(ascii: "\"")) else { return nil }
      var text: [UInt8] = []
      while position < bytes.count {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let scalar = escaped() else { return nil }
          text += Array(String(scalar).utf8)
        case 0..<0x20: return nil
        default: text.append(byte)
        }
      }
      return nil
    }

    /// What follows a backslash.
    private mutating func escaped() -> Unicode.Scalar? {
      guard position < bytes.count else { return nil }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"): return codeUnits()
      default: return nil
      }
    }

    /// One or, for a surrogate pair, two code units of four hexadecimal digits.
    private mutating func codeUnits() -> Unicode.Scalar? {
      guard let first = codeUnit() else { return nil }
      guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(UInt32(first)) }
      guard takesWord("\\u"), let second = codeUnit(), UTF16.isTrailSurrogate(second) else { return nil }
      return Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    }

    private mutating func codeUnit() -> UInt16? {
      guard position + 4 <= bytes.count else { return nil }
      var unit: UInt16 = 0
      for byte in bytes[position..<(position + 4)] {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
        unit = unit << 4 | UInt16(digit)
      }
      position += 4
      return unit
    }

    private mutating func number() -> Value? {
      let start = position
      while position < bytes.count, "+-.eE0123456789".utf8.contains(bytes[position]) { position += 1 }
      let text = String(decoding: bytes[start..<position], as: UTF8.self)
      return Double(text) == nil ? nil : .number(text)
    }

    private mutating func takesWord(_ word: StaticString) -> Bool {
      let expected = "\(word)".utf8
      guard bytes[position...].starts(with: expected) else { return false }
      position += expected.count
      return true
    }

    private mutating func skipSpace() {
      while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }
  }
}
