/// Whether a destination may be called at this time of its day.
struct DialSchedule: Sendable {
  let hours: [CallingHours]

  /// The entries that count for a number: those of the longest prefix, else those of the country. None: any time.
  func entries(for destination: DialDestination, country: String) -> [CallingHours] {
    var best: (rank: Int, entries: [CallingHours]) = (-1, [])
    for entry in hours {
      guard let rank = rank(entry.destination, destination, country) else { continue }
      if rank > best.rank { best = (rank, [entry]) } else if rank == best.rank { best.entries.append(entry) }
    }
    return best.entries
  }

  /// Throws when no entry that counts is open in all of its zones.
  func check(
    _ destination: DialDestination, country: String, trunk: String, localTimes: [String: LocalTime]
  ) throws(OutboundRefusal) {
    let entries = entries(for: destination, country: country)
    if entries.isEmpty { return }
    if entries.contains(where: { $0.isOpen(localTimes) }) { return }
    let clocks = entries.flatMap(\.timeZones).map { zone in
      localTimes[zone].map { "\($0) in \(zone)" } ?? "not known what time it is in \(zone)"
    }
    throw OutboundRefusal(
      .callingHours, field: "sip_call_to",
      "trunk \(trunk) calls \(destination.user) only \(entries.map(\.description).joined(separator: ", or ")); "
        + "it is \(clocks.joined(separator: ", "))")
  }

  private func rank(
    _ entry: CallingHours.Destination, _ destination: DialDestination, _ country: String
  ) -> Int? {
    switch entry {
    case .country(let code): code == country ? 0 : nil
    case .numbers(let pattern): destination.matches(pattern) ? 1 + pattern.body.utf8.count : nil
    }
  }
}

extension CallingHours: CustomStringConvertible {
  func isOpen(_ localTimes: [String: LocalTime]) -> Bool {
    !timeZones.isEmpty && timeZones.allSatisfy { zone in localTimes[zone].map(isOpen) ?? false }
  }

  /// A range past midnight belongs to the day on which it begins.
  func isOpen(_ time: LocalTime) -> Bool {
    if opensAt < closesAt { return weekdays.contains(time.weekday) && (opensAt..<closesAt).contains(time.minute) }
    let yesterday = (time.weekday + 5) % 7 + 1
    return weekdays.contains(time.weekday) && time.minute >= opensAt
      || weekdays.contains(yesterday) && time.minute < closesAt
  }

  /// `09:00-18:00 on Mon Tue Wed in Europe/London`
  public var description: String {
    let days = weekdays.count == 7 ? "every day" : "on " + weekdays.sorted().map(LocalTime.name).joined(separator: " ")
    return "\(LocalTime.clock(opensAt))-\(LocalTime.clock(closesAt)) \(days) in \(timeZones.joined(separator: " and "))"
  }
}

extension LocalTime: CustomStringConvertible {
  /// `Mon 09:05`
  public var description: String { "\(Self.name(weekday)) \(Self.clock(minute))" }

  static func name(_ weekday: CallingHours.Weekday) -> String {
    (1...7).contains(weekday) ? ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][weekday - 1] : "?"
  }

  static func clock(_ minutes: Int) -> String {
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(two(minutes / 60)):\(two(minutes % 60))"
  }
}
