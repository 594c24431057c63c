/// A key of the telephone keypad: 0–9 * # A–D (RFC 4733 §3.2).
public struct DTMFDigit: Hashable, Sendable, BitwiseCopyable {
  /// 0...15.
  public let code: UInt8

  private static let symbols: StaticString = "0123456789*#ABCD"

  /// Nil for events that are no keys, such as 16, a hook flash.
  public init?(code: UInt8) {
    guard code < 16 else { return nil }
    self.code = code
  }

  /// Reads `0`–`9`, `*`, `#`, `A`–`D` and `a`–`d`.
  public init?(_ character: Character) {
    guard let byte = character.asciiValue else { return nil }
    let upper = (0x61...0x64).contains(byte) ? byte - 0x20 : byte
    for code in 0..<16 where Self.symbols.utf8Start[code] == upper {
      self.code = UInt8(code)
      return
    }
    return nil
  }

  public var character: Character { Character(UnicodeScalar(Self.symbols.utf8Start[Int(code)])) }
}
