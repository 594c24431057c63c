/// When the numbers of one destination may be called.
public struct CallingHours: Hashable, Sendable {
  /// 1 Monday … 7 Sunday (ISO 8601).
  public typealias Weekday = Int

  /// Whose hours these are.
  public enum Destination: Hashable, Sendable, CustomStringConvertible {
    /// ISO 3166-1 alpha-2, upper case: the request's `destination.country`, else the trunk's `destination_country`.
    case country(String)
    /// Numbers that match, such as `+44`.
    case numbers(NumberPattern)

    /// `GB` is a country, anything else a pattern of numbers.
    public init(_ text: String) {
      let isCountry =
        text.utf8.count == 2 && text.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
      self = isCountry ? .country(text) : .numbers(NumberPattern(text))
    }

    public var description: String {
      switch self {
      case .country(let code): code
      case .numbers(let pattern): pattern.text
      }
    }
  }

  public var destination: Destination
  /// IANA names: `Europe/London`. The call is placed only while it is within the hours in each of them.
  public var timeZones: [String]
  public var weekdays: Set<Weekday>
  /// Minutes since midnight, 0…1440. A range that ends before it begins runs past midnight.
  public var opensAt: Int
  public var closesAt: Int

  public init(
    destination: Destination, timeZones: [String], weekdays: Set<Weekday> = [1, 2, 3, 4, 5, 6, 7], opensAt: Int,
    closesAt: Int
  ) {
    self.destination = destination
    self.timeZones = timeZones
    self.weekdays = weekdays
    self.opensAt = opensAt
    self.closesAt = closesAt
  }
}

/// What clocks show in one time zone; summer time is the business of whoever reads the clock.
public struct LocalTime: Hashable, Sendable {
  /// 1 Monday … 7 Sunday.
  public var weekday: CallingHours.Weekday
  /// Minutes since midnight, 0…1439.
  public var minute: Int

  public init(weekday: CallingHours.Weekday, minute: Int) {
    self.weekday = weekday
    self.minute = minute
  }
}
