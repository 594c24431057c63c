/// How much of a phone number reaches a log or a call record (`log_numbers`).
public enum NumberRedaction: String, Sendable, Hashable, CaseIterable {
  case full
  /// `…4567`.
  case last4
  /// `…`.
  case none

  public func redact(_ number: String) -> String {
    switch self {
    case .full: number
    case .last4: number.count > 4 ? Self.mark + number.suffix(4) : number.isEmpty ? "" : Self.mark
    case .none: number.isEmpty ? "" : Self.mark
    }
  }

  /// Redacts every occurrence of the numbers in a sentence, a room name or an identity.
  public func redact(_ text: String, numbers: [String]) -> String {
    guard self != .full else { return text }
    var result = text
    for number in numbers.sorted(by: { $0.utf8.count > $1.utf8.count }) where number.utf8.count > 1 {
      result = Self.replacing(number, with: redact(number), in: result)
    }
    return result
  }

  private static let mark = "…"

  private static func replacing(_ old: String, with new: String, in text: String) -> String {
    let text = Array(text.utf8)
    let old = Array(old.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index...].starts(with: old) {
        result += Array(new.utf8)
        index += old.count
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
