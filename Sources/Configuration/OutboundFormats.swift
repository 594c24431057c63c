import Foundation
import Telephony

/// Two times of day.
struct ClockRange: Sendable {
  /// Minutes since midnight.
  var opensAt: Int
  var closesAt: Int
}

/// Monday is 1 (ISO 8601).
enum Weekday: Int, Sendable, CaseIterable {
  case monday = 1
  case tuesday, wednesday, thursday, friday, saturday, sunday

  /// `mon`
  var shortName: String { String("\(self)".prefix(3)) }
}

extension ValueFormat where Value == SIPHostPort {
  static let trunkAddress = ValueFormat("expected host or host:port, without sip: and without parameters") {
    (text: String) in OutboundTrunkCheck.problem(address: text) == nil ? SIPHostPort(text) : nil
  }
}

extension ValueFormat where Value == Weekday {
  static let weekday = ValueFormat("expected mon, tue, wed, thu, fri, sat or sun") { (text: String) in
    Weekday.allCases.first { [$0.shortName, "\($0)"].contains(text.lowercased()) }
  }
}

extension ValueFormat where Value == String {
  static let timeZone = ValueFormat("expected a time zone's name: Europe/London") { (text: String) in
    TimeZone(identifier: text) == nil ? nil : text
  }
}

extension ValueFormat where Value == ClockRange {
  /// `24:00` is the end of the day.
  static let clockRange = ValueFormat("expected two times of day: 09:00-17:30") { (text: String) in
    let times = text.split(separator: "-", omittingEmptySubsequences: false).map { minutes($0.trimmingSpaces()) }
    guard times.count == 2, let opensAt = times[0], let closesAt = times[1], opensAt != closesAt else { return nil }
    return ClockRange(opensAt: opensAt, closesAt: closesAt)
  }

  private static func minutes(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 2, let hour = Int(parts[0]), let minute = Int(parts[1]),
      (0...24).contains(hour), (0...59).contains(minute), hour * 60 + minute <= 1440
    else { return nil }
    return hour * 60 + minute
  }
}
