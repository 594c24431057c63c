/// Whether a trunk's policy lets a number be dialled.
///
/// What is compared is every way to read what the provider will see: without separators, without an international
/// prefix (`00`, `011`), with the country code of North America where the callee's country says so. A number that is
/// forbidden in one reading is forbidden.
struct DialDestination: Sendable {
  /// Numbers that cost far more than others, and that fraud therefore dials: premium rate of North America (900),
  /// satellites (870, 881), international networks (878, 882, 883, 888) and international premium rate (979).
  static let costly: [NumberPattern] = ["+1900*", "+870*", "+878*", "+881*", "+882*", "+883*", "+888*", "+979*"]

  /// As the request has it.
  let user: String
  /// Normalised, without repetition.
  let readings: [String]

  init(_ user: String, country: String) {
    self.user = user
    // Parameters of a telephone number (RFC 3966 §3) do not change whom it reaches.
    let number = String(user.prefix { $0 != ";" && $0 != "," })
    var readings = [PhoneNumber.normalized(number)]
    func add(_ reading: String) { if !readings.contains(reading) { readings.append(reading) } }
    let digits = number.filter { ("0"..."9").contains($0) }
    if !digits.isEmpty, !number.contains(where: \.isLetter) {
      add("+" + digits)
      for prefix in ["00", "011"] where digits.hasPrefix(prefix) && digits.count > prefix.count {
        add("+" + digits.dropFirst(prefix.count))
      }
      if country == "US" || country == "CA", digits.count == 10 { add("+1" + digits) }
    }
    self.readings = readings
  }

  func matches(_ pattern: NumberPattern) -> Bool { readings.contains { pattern.matches(normalized: $0) } }

  /// Throws when the policy forbids the number at any time.
  func check(
    _ policy: DialPolicy, trunk: String, lists: [String: DoNotCallList]
  ) throws(OutboundRefusal) {
    if let pattern = policy.deniedDestinations.first(where: matches) {
      throw refusal(.destination, "trunk \(trunk) does not dial \(user): denied_destinations lists \(pattern)")
    }
    if policy.allowedDestinations.isEmpty {
      if let pattern = Self.costly.first(where: matches) {
        throw refusal(
          .destination,
          "trunk \(trunk) does not dial \(user): numbers that begin with \(pattern.body) cost far more than others; "
            + "allowed_destinations can open them")
      }
    } else if !policy.allowedDestinations.contains(where: matches) {
      throw refusal(.destination, "trunk \(trunk) does not dial \(user): no entry of allowed_destinations matches it")
    }
    guard !policy.doNotCallList.isEmpty else { return }
    guard let list = lists[policy.doNotCallList] else {
      throw refusal(.doNotCall, "trunk \(trunk) does not dial: its do-not-call list \(policy.doNotCallList) is missing")
    }
    if readings.contains(where: list.contains) {
      throw refusal(.doNotCall, "\(user) is on the do-not-call list \(policy.doNotCallList) of trunk \(trunk)")
    }
  }

  private func refusal(_ reason: OutboundRefusal.Reason, _ sentence: String) -> OutboundRefusal {
    OutboundRefusal(reason, field: "sip_call_to", sentence)
  }
}
