import Base

/// Times as Go and protojson write them: `30s`, `3m`, `1h30m`, `250ms`, `1.5s`. A bare number counts seconds.
public enum DurationText {
  /// Nil when it is not a time, or not below 100 years.
  public static func parse(_ text: some StringProtocol) -> Duration? {
    if let seconds = decimal(text) { return duration(seconds, unitNanoseconds: 1_000_000_000) }
    var rest = Substring(text)
    var total = Duration.zero
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let value = decimal(digits), let nanoseconds = units[String(unit)],
        let part = duration(value, unitNanoseconds: nanoseconds)
      else { return nil }
      total += part
    }
    return total
  }

  /// The shortest of the forms `parse` takes: `1h30m`, `20s`, `250ms`.
  public static func format(_ duration: Duration) -> String {
    let milliseconds = duration.wholeMilliseconds
    if milliseconds == 0 { return "0s" }
    if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
    let seconds = milliseconds / 1000
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
    return parts.filter { $0.0 != 0 }.map { "\($0.0)\($0.1)" }.joined()
  }

  private static let units: [String: Double] = [
    "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86_400e9,
  ]

  private static func decimal(_ text: some StringProtocol) -> Double? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
    return Double(text)
  }

  private static func duration(_ value: Double, unitNanoseconds: Double) -> Duration? {
    let nanoseconds = value * unitNanoseconds
    guard nanoseconds < 100 * 365 * 86_400e9 else { return nil }
    return .nanoseconds(Int64(nanoseconds.rounded()))
  }
}
