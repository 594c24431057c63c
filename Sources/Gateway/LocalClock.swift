import Foundation
import Telephony

/// What clocks show elsewhere, summer time included.
enum LocalClock {
  /// Zones whose name nobody knows are missing.
  static func times(in zones: Set<String>) -> [String: LocalTime] {
    guard !zones.isEmpty else { return [:] }
    let now = Date()
    var result: [String: LocalTime] = [:]
    for name in zones {
      guard let zone = TimeZone(identifier: name) else { continue }
      var calendar = Calendar(identifier: .iso8601)
      calendar.timeZone = zone
      let parts = calendar.dateComponents([.weekday, .hour, .minute], from: now)
      guard let weekday = parts.weekday, let hour = parts.hour, let minute = parts.minute else { continue }
      // Foundation counts from Sunday, which is 1.
      result[name] = LocalTime(weekday: (weekday + 5) % 7 + 1, minute: hour * 60 + minute)
    }
    return result
  }
}
