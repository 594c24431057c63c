import Foundation

/// The calendar, for logs, records and tokens.
enum WallClock {
  /// Seconds since 1970.
  static func now() -> Double { Date().timeIntervalSince1970 }

  /// RFC 3339 in UTC with milliseconds.
  static func text(_ secondsSince1970: Double) -> String {
    var seconds = time_t(secondsSince1970.rounded(.down))
    let milliseconds = Int((secondsSince1970 - secondsSince1970.rounded(.down)) * 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let date = "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    let padded = String(repeating: "0", count: 3 - String(milliseconds).count) + String(milliseconds)
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(padded)Z"
  }
}
