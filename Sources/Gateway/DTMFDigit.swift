/// A keypad digit as LiveKit's `SipDTMF` carries it (RFC 4733 §3.2 event codes).
struct DTMFDigit: Hashable, Sendable {
  /// 0–9, 10 for `*`, 11 for `#`, 12–15 for A–D.
  let code: UInt32
  /// `0-9 * # a b c d`.
  let text: String

  /// Nil for a character that is on no keypad.
  init?(_ character: Character) {
    guard let index = Self.characters.firstIndex(of: Character(character.lowercased())) else { return nil }
    code = UInt32(index)
    text = String(Self.characters[index])
  }

  private static let characters = Array("0123456789*#abcd")
}
