import Foundation
import Logging
import Telephony

/// Writes one event per line to standard error: time, level, what happened, then `key=value` pairs, or one JSON object.
struct LineLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  let isJSON: Bool
  /// Applied to every line as a whole: numbers stand in room names, identities and sentences too.
  let redaction: NumberRedaction

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let pairs = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let time = WallClock.text(WallClock.now())
    let line = isJSON ? json(time, event, pairs) : text(time, event, pairs)
    FileHandle.standardError.write(Data((redaction.redactNumbers(in: line) + "\n").utf8))
  }

  private func text(_ time: String, _ event: LogEvent, _ pairs: [(key: String, value: Logger.MetadataValue)]) -> String
  {
    let tail = pairs.map { " \($0.key)=\(Self.quotedIfNeeded("\($0.value)"))" }.joined()
    return "\(time) \(event.level) \(Self.withoutControls("\(event.message)"))\(tail)"
  }

  private func json(_ time: String, _ event: LogEvent, _ pairs: [(key: String, value: Logger.MetadataValue)]) -> String
  {
    var object = ["time": time, "level": "\(event.level)", "message": "\(event.message)"]
    for (key, value) in pairs { object[key] = "\(value)" }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// Text from the network may hold line ends; a log line never does.
  private static func withoutControls(_ text: String) -> String {
    String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "\u{FFFD}" : Character($0) })
  }

  private static func quotedIfNeeded(_ text: String) -> String {
    let clean = withoutControls(text)
    let isPlain = !clean.isEmpty && !clean.contains { $0 == " " || $0 == "\"" || $0 == "=" }
    return isPlain ? clean : "\"" + clean.replacingOccurrences(of: "\"", with: "\\\"") + "\""
  }
}

extension NumberRedaction {
  /// What counts as a phone number in free text: a run of at least this many digits.
  private static let numberLength = 7

  /// Redacts every phone number in a line of text.
  func redactNumbers(in text: String) -> String {
    guard self != .full else { return text }
    var result = ""
    var run = ""
    for character in text + "\n" {
      if character.isASCII, character.isNumber {
        run.append(character)
        continue
      }
      result += run.count >= Self.numberLength ? redact(run) : run
      run = ""
      result.append(character)
    }
    result.removeLast()
    return result
  }
}
