/// One field of a trunk or a request that cannot stay as it is.
public struct FieldProblem: Hashable, Sendable {
  /// LiveKit's spelling: `numbers`.
  public var field: String
  public var sentence: String

  public init(_ field: String, _ sentence: String) {
    self.field = field
    self.sentence = sentence
  }
}

/// What makes an outbound trunk unusable, judged when it is created or read.
public enum OutboundTrunkCheck {
  /// What is wrong with the text of `address` or `hostname`. Nil: `SIPHostPort` reads it.
  public static func problem(address text: String) -> String? {
    if text.isEmpty { return "no address of the trunk is given" }
    let lower = text.lowercased()
    if lower.hasPrefix("sip:") || lower.hasPrefix("sips:") { return "give host or host:port, without sip:" }
    if lower.contains("transport=") { return "give the transport in its own field, not as transport=" }
    if text.contains("@") { return "give host or host:port, without a user" }
    if text.contains(";") { return "give host or host:port, without parameters" }
    return SIPHostPort(text) == nil ? "give a host name or an address, with or without :port" : nil
  }

  /// What is wrong with the text of `from_host`. Empty is right: the gateway's own address.
  public static func problem(fromHost text: String) -> String? { text.isEmpty ? nil : problem(address: text) }

  /// Everything that is wrong, in the order of the fields.
  public static func problems(_ trunk: OutboundTrunk) -> [FieldProblem] {
    var problems: [FieldProblem] = []
    func add(_ field: String, _ sentence: String?) {
      if let sentence { problems.append(FieldProblem(field, sentence)) }
    }
    add("numbers", trunk.numbers.isEmpty ? "no number of the trunk is given" : nil)
    for number in trunk.numbers { add("numbers", userProblem(number.text)) }
    if trunk.authUsername.isEmpty != trunk.authPassword.isEmpty {
      let (given, missing) =
        trunk.authUsername.isEmpty ? ("auth_password", "auth_username") : ("auth_username", "auth_password")
      add(given, "\(missing) is missing beside it")
    }
    add("headers", HeaderCheck.problem(headers: trunk.headers))
    add("headers_to_attributes", HeaderCheck.problem(names: trunk.headersToAttributes.keys.sorted()))
    add("attributes_to_headers", HeaderCheck.problem(names: trunk.attributesToHeaders.values.sorted()))
    add("destination_country", countryProblem(trunk.destinationCountry))
    add("from_host", problem(fromHost: trunk.fromHost))
    add("media", mediaProblem(trunk.media))
    for hours in trunk.limits.callingHours { add("calling_hours", self.problem(hours)) }
    return problems
  }

  /// A user part that can be dialled or shown. Nil: it can.
  static func userProblem(_ text: String) -> String? {
    if text.utf8.count > 128 { return "a number has at most 128 characters" }
    if text.contains("@") { return "give the number or user alone, without @ and a host" }
    let lower = text.lowercased()
    if ["sip:", "sips:", "tel:"].contains(where: lower.hasPrefix) {
      return "give the number or user alone, without a scheme"
    }
    return HeaderSyntax.isValue(text) ? nil : "control characters are not allowed"
  }

  static func countryProblem(_ code: String) -> String? {
    code.isEmpty || CountryCode.isAssigned(code.uppercased())
      ? nil : "\(code) is no country code of ISO 3166-1: give two letters, such as US"
  }

  static func mediaProblem(_ media: MediaOptions) -> String? {
    for codec in media.codecs where codec.name.isEmpty || codec.name.contains(where: { $0.isWhitespace || $0 == "/" }) {
      return "\"\(codec.name)\" is no codec name: give it without its rate, such as PCMU"
    }
    if let timeout = media.mediaTimeout, timeout < .zero || timeout > .seconds(600) {
      return "media_timeout is from 0 to 10 minutes"
    }
    return nil
  }

  private static func problem(_ hours: CallingHours) -> String? {
    if case .country(let code) = hours.destination, let problem = countryProblem(code) { return problem }
    if hours.timeZones.isEmpty { return "the hours of \(hours.destination) need a time zone" }
    if hours.weekdays.isEmpty || !hours.weekdays.allSatisfy((1...7).contains) {
      return "the hours of \(hours.destination) need days of the week"
    }
    let isClock = (0...1440).contains(hours.opensAt) && (0...1440).contains(hours.closesAt)
    return isClock && hours.opensAt != hours.closesAt ? nil : "the hours of \(hours.destination) are empty"
  }
}

/// Tables of headers that came from configuration or the API.
public enum HeaderCheck {
  /// Headers of one message that others than the stack may write.
  public static let countLimit = 128

  /// What is wrong with fixed headers. Nil: nothing.
  public static func problem(headers: [String: String]) -> String? {
    if headers.count > countLimit { return "there are more than \(countLimit)" }
    for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
      if let problem = problem(name: name) { return problem }
      if HeaderSyntax.isOwnedByStack(name) { return "the SIP stack writes \(name) itself" }
      if !HeaderSyntax.isValue(value) {
        return "the value of \(name) has more than 1,024 bytes, or control characters"
      }
    }
    return nil
  }

  /// What is wrong with the header names of a mapping. Nil: nothing.
  public static func problem(names: [String]) -> String? {
    for name in names { if let problem = problem(name: name) { return problem } }
    return nil
  }

  private static func problem(name: String) -> String? {
    HeaderSyntax.isName(name) ? nil : "\"\(name.prefix(64))\" is no header name"
  }
}
