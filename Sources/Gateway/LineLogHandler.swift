import Foundation
import Logging
import Telephony

/// Writes one event per line to standard error: time, level, what happened, then `key=value` pairs, or one JSON object.
struct LineLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  let isJSON: Bool
  /// Applied to the message and to every value: numbers stand in room names, identities and sentences too.
  let redaction: NumberRedaction

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let values = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
    FileHandle.standardError.write(
      Data((line(WallClock.text(WallClock.now()), event.level, "\(event.message)", values) + "\n").utf8))
  }

  /// One event, without the line's end.
  func line(_ time: String, _ level: Logger.Level, _ message: String, _ values: [String: String]) -> String {
    let message = redaction.redactNumbers(in: message)
    let values = values.mapValues { redaction.redactNumbers(in: $0) }
    return isJSON ? json(time, level, message, values) : text(time, level, message, values)
  }

  private func text(_ time: String, _ level: Logger.Level, _ message: String, _ values: [String: String]) -> String {
    let tail = values.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quotedIfNeeded($0.value))" }.joined()
    return "\(time) \(level) \(Self.withoutControls(message))\(tail)"
  }

  private func json(_ time: String, _ level: Logger.Level, _ message: String, _ values: [String: String]) -> String {
    let object = values.merging(["time": time, "level": "\(level)", "message": message]) { $1 }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// Text from the network may hold line ends and a terminal's commands; a log line never does.
  private static func withoutControls(_ text: String) -> String {
    var clean = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { clean.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
    return String(clean)
  }

  /// C0, DEL and C1, the two line separators, and the marks that turn the direction of writing.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// Scalar by scalar: a quotation mark with an accent above it is a `Character` of its own, and ends a value all the
  /// same for whoever reads bytes.
  private static func quotedIfNeeded(_ text: String) -> String {
    let clean = withoutControls(text)
    let isPlain =
      !clean.isEmpty && !clean.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" || $0 == "\\" }
    guard !isPlain else { return clean }
    var quoted = "\"".unicodeScalars
    for scalar in clean.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { quoted.append("\\") }
      quoted.append(scalar)
    }
    quoted.append("\"")
    return String(quoted)
  }
}
