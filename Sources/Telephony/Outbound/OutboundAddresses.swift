/// Request-URI, From and To of a call out: the trunk's host and the numbers, overridden by what the request says.
struct OutboundAddresses {
  /// The callee's user, or number: `sip_call_to`, else the user of `sip_to_header`.
  let callTo: String
  /// Our number: `sip_number` or the trunk's, else the user of `sip_from_header`.
  let number: String
  let from: String
  let to: String
  /// What the request demands in its Request-URI. Nil: nothing.
  let transport: TrunkTransport?
  private let request: SIPAddressText
  private let isRawRequest: Bool
  private let toUser: String

  init(_ request: OutboundCallRequest, trunk: OutboundTrunk, number: String) throws(OutboundRefusal) {
    let named = try Self.toAddress(request, trunk)
    if let named {
      callTo = named.address.user
      to = named.address.nameAddress(displayName: named.displayName)
      toUser = named.address.user
    } else {
      callTo = try Self.callTo(request)
      toUser = try Self.toUser(request) ?? callTo
      // RFC 3261 table 1: no port in To; and a transport there makes some providers fail the call.
      to = SIPAddressText(user: toUser, host: SIPHostPort(host: trunk.address.host)).nameAddress(displayName: "")
    }
    let fromAddress = try Self.fromAddress(request, trunk, number)
    from = fromAddress.address.nameAddress(displayName: fromAddress.displayName)
    self.number = number.isEmpty ? fromAddress.address.user : number
    (self.request, transport) = try Self.requestURI(request, trunk, callTo)
    if case .raw = request.sipRequestURI { isRawRequest = true } else { isRawRequest = false }
  }

  var dialledUsers: [String] {
    var users: [String] = []
    for user in [callTo, request.user, toUser] where !users.contains(user) { users.append(user) }
    return users
  }

  /// - Parameter transport: how the INVITE travels; written into the URI unless the request wrote all of it.
  func requestURI(_ transport: TrunkTransport) -> String {
    var uri = request
    if !isRawRequest, uri.parameters.isEmpty, let parameter = transport.parameter {
      uri.parameters = "transport=\(parameter)"
    }
    return uri.uri
  }

  // MARK: Callee

  private static func callTo(_ request: OutboundCallRequest) throws(OutboundRefusal) -> String {
    let text = request.sipCallTo
    if text.isEmpty { throw .invalid("sip_call_to", "sip_call_to is required") }
    if let problem = OutboundTrunkCheck.userProblem(text) { throw .invalid("sip_call_to", problem) }
    let number = PhoneNumber.withoutSeparators(text)
    if number.isEmpty || number == "+" { throw .invalid("sip_call_to", "sip_call_to holds no number") }
    return number
  }

  private static func toUser(_ request: OutboundCallRequest) throws(OutboundRefusal) -> String? {
    let user = request.toUserOverride
    if user.isEmpty { return nil }
    guard HeaderSyntax.isName(user) else {
      throw .invalid("to_user_override", "to_user_override takes letters, digits and -.!%*_+`'~")
    }
    return user
  }

  private static func toAddress(
    _ request: OutboundCallRequest, _ trunk: OutboundTrunk
  ) throws(OutboundRefusal) -> SIPNameAddress? {
    guard let header = request.sipToHeader else { return nil }
    if !request.sipCallTo.isEmpty {
      throw .invalid("sip_to_header", "sip_call_to and sip_to_header exclude each other")
    }
    if !request.toUserOverride.isEmpty {
      throw .invalid("to_user_override", "to_user_override and sip_to_header exclude each other")
    }
    return try named(header, field: "sip_to_header", host: SIPHostPort(host: trunk.address.host))
  }

  // MARK: Caller

  private static func fromAddress(
    _ request: OutboundCallRequest, _ trunk: OutboundTrunk, _ number: String
  ) throws(OutboundRefusal) -> SIPNameAddress {
    let host = SIPHostPort(trunk.fromHost) ?? SIPHostPort(host: OutboundCallPlan.localHostPlaceholder)
    guard let header = request.sipFromHeader else {
      return SIPNameAddress(
        displayName: request.displayName ?? number, address: SIPAddressText(user: number, host: host))
    }
    var address = try named(header, field: "sip_from_header", host: host)
    if let name = request.displayName {
      guard address.displayName.isEmpty else {
        throw .invalid("display_name", "display_name and the name in sip_from_header exclude each other")
      }
      address.displayName = name
    }
    return address
  }

  private static func named(
    _ header: OutboundCallRequest.NamedURI, field: String, host: SIPHostPort
  ) throws(OutboundRefusal) -> SIPNameAddress {
    try OutboundRequestCheck.check(displayName: header.displayName, field: "\(field).display_name")
    switch header.uri {
    case .none: throw .invalid(field, "\(field) needs raw or values")
    case .raw(let text):
      guard var address = SIPNameAddress(text), address.address.scheme == "sip" else {
        throw .invalid("\(field).raw", "\(field).raw is no SIP address with a user, or holds parameters of the header")
      }
      if !header.displayName.isEmpty {
        guard address.displayName.isEmpty else {
          throw .invalid("\(field).display_name", "\(field) names its display name twice")
        }
        address.displayName = header.displayName
      }
      return address
    case .values(let values):
      let address = try self.address(values, field: field, user: "", host: host)
      return SIPNameAddress(displayName: header.displayName, address: address)
    }
  }

  // MARK: Request-URI

  private static func requestURI(
    _ request: OutboundCallRequest, _ trunk: OutboundTrunk, _ callTo: String
  ) throws(OutboundRefusal) -> (SIPAddressText, TrunkTransport?) {
    let field = "sip_request_uri"
    switch request.sipRequestURI {
    case .none: return (SIPAddressText(user: callTo, host: trunk.address), nil)
    case .values(let values):
      let address = try address(values, field: field, user: callTo, host: trunk.address)
      return (address, values.transport == .auto ? nil : values.transport)
    case .raw(let text):
      guard let address = SIPAddressText(text), address.headers.isEmpty else {
        throw .invalid("\(field).raw", "\(field).raw is no SIP URI with a user")
      }
      guard address.scheme == "sip" else { return (address, .tls) }
      guard let parameter = address.parameter("transport") else { return (address, nil) }
      guard let transport = TrunkTransport.allCases.first(where: { $0.parameter == parameter }) else {
        throw .invalid("\(field).raw", "\(field).raw names the transport \(parameter); there are udp, tcp and tls")
      }
      return (address, transport)
    }
  }

  private static func address(
    _ values: OutboundCallRequest.URIValues, field: String, user: String, host: SIPHostPort
  ) throws(OutboundRefusal) -> SIPAddressText {
    let name = values.user.isEmpty ? user : values.user
    if name.isEmpty { throw .invalid("\(field).values.user", "\(field) needs a user") }
    if let problem = OutboundTrunkCheck.userProblem(name) { throw .invalid("\(field).values.user", problem) }
    var target = host
    let text = values.host.isEmpty ? values.ip : values.host
    if !text.isEmpty {
      guard let given = SIPHostPort(text), given.port == nil else {
        throw .invalid("\(field).values.host", "\(text.prefix(64)) is no host name or address")
      }
      target = given
    }
    if values.port != 0 {
      guard let port = UInt16(exactly: values.port) else {
        throw .invalid("\(field).values.port", "\(values.port) is no port")
      }
      target.port = port
    }
    let parameters = values.transport.parameter.map { "transport=\($0)" } ?? ""
    return SIPAddressText(user: name, host: target, parameters: parameters)
  }
}

/// A value of a Route header (`<sip:proxy.example.com;lr>`), of which only the way there is read.
struct RouteText: Hashable, Sendable {
  let host: SIPHostPort
  let transport: TrunkTransport?

  /// Nil when it is no SIP URI in angle brackets, or bare.
  init?(_ text: String) {
    var uri = text.trimmingBlanks[...]
    if uri.first == "<" {
      guard uri.last == ">" else { return nil }
      uri = uri.dropFirst().dropLast()
    }
    guard uri.lowercased().hasPrefix("sip:"), HeaderSyntax.isValue(String(uri)) else { return nil }
    let rest = uri.dropFirst(4)
    let end = rest.firstIndex { $0 == ";" || $0 == "?" } ?? rest.endIndex
    let hostStart = rest[..<end].lastIndex(of: "@").map { rest.index(after: $0) } ?? rest.startIndex
    guard let host = SIPHostPort(String(rest[hostStart..<end])) else { return nil }
    self.host = host
    let parameters = rest[end...].lowercased().split(separator: ";")
    transport = TrunkTransport.allCases.first { way in
      way.parameter.map { parameters.contains("transport=\($0)"[...]) } ?? false
    }
  }
}
