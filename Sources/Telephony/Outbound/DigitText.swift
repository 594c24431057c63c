/// Digits to send after the answer (`CreateSIPParticipantRequest.dtmf`): `0-9 * # A-D`, and `w` for half a second.
public struct DigitText: Hashable, Sendable, CustomStringConvertible {
  /// Longest text that is taken.
  public static let lengthLimit = 256
  /// What the media engine queues at a time.
  static let chunkLimit = 32
  /// A digit: 250 ms of tone and 250 ms of silence. `w` is as long.
  static let symbolDuration: Duration = .milliseconds(500)

  /// Upper case, `w` lower case.
  public let text: String

  public static let none = DigitText(checked: "")

  private init(checked text: String) { self.text = text }

  /// Nil when another character is in it, or too many.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.lengthLimit else { return nil }
    var result = ""
    for character in text {
      switch character {
      case "0"..."9", "*", "#", "A"..."D": result.append(character)
      case "a"..."d": result += character.uppercased()
      case "w", "W": result.append("w")
      default: return nil
      }
    }
    self.text = result
  }

  public var isEmpty: Bool { text.isEmpty }
  /// How long it takes to send.
  public var duration: Duration { Self.symbolDuration * text.utf8.count }
  public var description: String { text }

  /// The text in pieces that the media engine takes.
  var chunks: [String] {
    let bytes = Array(text.utf8)
    return stride(from: 0, to: bytes.count, by: Self.chunkLimit).map { start in
      String(decoding: bytes[start..<min(start + Self.chunkLimit, bytes.count)], as: UTF8.self)
    }
  }
}
