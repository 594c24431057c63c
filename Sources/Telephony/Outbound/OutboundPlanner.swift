import Base

/// Decides how a call out is placed. A value made from configuration and the API's trunks; nothing changes in it.
public struct OutboundPlanner: Sendable {
  /// Ascending id.
  public let trunks: [OutboundTrunk]
  public let options: OutboundOptions

  public init(trunks: [OutboundTrunk], options: OutboundOptions = OutboundOptions()) {
    self.trunks = trunks.sorted { $0.id < $1.id }
    self.options = options
  }

  /// Every field of the request honoured or refused; throws the first thing that is wrong with it.
  ///
  /// - Parameter callID: `SCL_…`, made by the caller of this function.
  public func plan(
    _ request: OutboundCallRequest, callID: String, using generator: inout some RandomNumberGenerator
  ) throws(OutboundRefusal) -> OutboundCallPlan {
    try OutboundRequestCheck.check(request)
    let trunk = try choose(request)
    let number = try number(request, trunk, &generator)
    let addresses = try OutboundAddresses(request, trunk: trunk, number: number)
    var plan = OutboundCallPlan(
      callID: callID, trunk: trunk, addresses: addresses, target: try target(trunk, addresses),
      placement: .room(try entry(request, callID, trunk, addresses)), options: options)
    plan.invite.headers = headers(request.headers, plan, trunk)
    try apply(request, trunk, to: &plan)
    return plan
  }

  /// The second leg of a transfer that the gateway carries out itself. The room's participant stays who it is, and the
  /// callee sees a number of the trunk.
  public func plan(
    _ target: TransferTarget, callID: String, using generator: inout some RandomNumberGenerator
  ) throws(OutboundRefusal) -> OutboundCallPlan {
    let trunk = try choose(target)
    var request = OutboundCallRequest()
    request.sipCallTo = target.target.user
    let number = try number(request, trunk, &generator)
    let addresses = try OutboundAddresses(request, trunk: trunk, number: number)
    let placement: OutboundCallPlan.Placement =
      switch target.purpose {
      case .bridge: .bridge(callID: target.callID)
      case .takeOver: .takeOver(callID: target.callID, roomName: target.roomName, identity: target.identity)
      }
    var plan = OutboundCallPlan(
      callID: callID, trunk: trunk, addresses: addresses, target: try self.target(trunk, addresses),
      placement: placement, options: options)
    plan.invite.headers = Self.overlay(headers([:], plan, trunk), target.headers)
    if target.purpose == .takeOver, let replaces = target.target.replaces {
      plan.invite.headers.append(CallFacts.Header("Replaces", replaces.description))
    }
    plan.waitUntilAnswered = true
    plan.policy.ringingTimeout = target.ringingTimeout
    try OutboundRequestCheck.check(plan.media, options)
    return plan
  }

  // MARK: Parts of a plan

  /// `sip_number`, else one of the trunk's at random. Twilio takes only numbers that begin with `+`.
  private func number(
    _ request: OutboundCallRequest, _ trunk: OutboundTrunk, _ generator: inout some RandomNumberGenerator
  ) throws(OutboundRefusal) -> String {
    var number = request.sipNumber
    if number.isEmpty { number = trunk.numbers.filter { !$0.isPrefix }.randomElement(using: &generator)?.text ?? "" }
    if number.isEmpty, request.sipFromHeader == nil {
      throw .invalid("sip_number", "sip_number is required: trunk \(trunk.label) lists no number to call from")
    }
    let host = trunk.address.host.lowercased()
    if host == "twilio.com" || host.hasSuffix(".twilio.com"), PhoneNumber.normalized(number).hasPrefix("+") {
      number = PhoneNumber.normalized(number)
    }
    return number
  }

  /// Where the INVITE goes: the first Route, else the trunk. A URI of the request never redirects it, so that a trunk's
  /// credentials reach nobody but the trunk.
  private func target(
    _ trunk: OutboundTrunk, _ addresses: OutboundAddresses
  ) throws(OutboundRefusal) -> (SIPHostPort, TrunkTransport) {
    var transport = trunk.transport
    if let asked = addresses.transport {
      guard transport == .auto || transport == asked else {
        throw .invalid(
          "sip_request_uri", "trunk \(trunk.label) is reached by \(transport.rawValue), not by \(asked.rawValue)")
      }
      transport = asked
    }
    if transport == .tls, !options.hasTLS {
      throw .unavailable("transport", "trunk \(trunk.label) needs SIP over TLS, which this version does not have")
    }
    guard let route = options.routes.first, let hop = RouteText(route) else { return (trunk.address, transport) }
    return (hop.host, hop.transport ?? transport)
  }

  private func entry(
    _ request: OutboundCallRequest, _ callID: String, _ trunk: OutboundTrunk, _ addresses: OutboundAddresses
  ) throws(OutboundRefusal) -> RoomEntry {
    RoomEntry(
      roomName: request.roomName,
      participant: ParticipantProfile(
        request: request, callID: callID, sipCallID: OutboundCallPlan.sipCallID(callID), trunk: trunk,
        callTo: addresses.callTo, number: addresses.number))
  }

  /// The trunk's headers, overlaid by the request's, overlaid by those of attributes.
  private func headers(
    _ asked: [String: String], _ plan: OutboundCallPlan, _ trunk: OutboundTrunk
  ) -> [CallFacts.Header] {
    func list(_ headers: [String: String]) -> [CallFacts.Header] {
      headers.sorted { $0.key < $1.key }.map { CallFacts.Header($0.key, $0.value) }
    }
    let attributes = plan.room?.participant.attributes ?? [:]
    return Self.overlay(
      Self.overlay(list(trunk.headers), list(asked)),
      HeaderMapping.headers(from: attributes, mapping: trunk.attributesToHeaders))
  }

  static func overlay(_ headers: [CallFacts.Header], _ later: [CallFacts.Header]) -> [CallFacts.Header] {
    headers.filter { header in !later.contains { $0.name.lowercased() == header.name.lowercased() } } + later
  }

  private func apply(
    _ request: OutboundCallRequest, _ trunk: OutboundTrunk, to plan: inout OutboundCallPlan
  ) throws(OutboundRefusal) {
    guard let digits = DigitText(request.dtmf) else {
      throw .invalid("dtmf", "dtmf takes 0-9 * # A-D and w, at most \(DigitText.lengthLimit) of them")
    }
    plan.digits = digits
    plan.playDialtone = request.playDialtone || request.playRingtone
    plan.waitUntilAnswered = request.waitUntilAnswered
    plan.krispEnabled = request.krispEnabled
    plan.hidePhoneNumber = request.hidePhoneNumber
    if request.includeHeaders != .none { plan.includeHeaders = request.includeHeaders }
    plan.policy = plan.policy.overlaid(
      by: CallOverrides(ringingTimeout: request.ringingTimeout, maxCallDuration: request.maxCallDuration))
    plan.media = trunk.media.merged(with: request.media.withLegacyEncryption(request.mediaEncryption))
    try OutboundRequestCheck.check(plan.media, options)
    if let destination = request.destination {
      if !destination.country.isEmpty { plan.country = destination.country.uppercased() }
      plan.destination = [destination.city, destination.region, destination.country.uppercased()]
        .filter { !$0.isEmpty }.joined(separator: ", ")
    }
  }
}

extension OutboundCallPlan {
  /// What trunk and options alone decide.
  fileprivate init(
    callID: String, trunk: OutboundTrunk, addresses: OutboundAddresses, target: (SIPHostPort, TrunkTransport),
    placement: Placement, options: OutboundOptions
  ) {
    self.init(
      callID: callID, sipCallID: Self.sipCallID(callID), trunkID: trunk.id, trunkLabel: trunk.label,
      number: addresses.number, callTo: addresses.callTo, placement: placement,
      invite: Invite(
        requestURI: addresses.requestURI(target.1), from: addresses.from, to: addresses.to, target: target.0,
        transport: target.1, routes: options.routes, headers: [], username: trunk.authUsername,
        password: trunk.authPassword),
      dialledUsers: addresses.dialledUsers, country: trunk.destinationCountry.uppercased(), destination: "",
      limits: trunk.limits, quotaKey: trunk.id.isEmpty ? trunk.address.description.lowercased() : trunk.id,
      headersToAttributes: trunk.headersToAttributes, attributesToHeaders: trunk.attributesToHeaders,
      includeHeaders: trunk.includeHeaders, hidePhoneNumber: false, digits: .none, playDialtone: false,
      waitUntilAnswered: false, earlyMedia: trunk.earlyMedia ?? options.earlyMedia, krispEnabled: false,
      media: trunk.media, policy: options.policy.overlaid(by: trunk.call), transfer: trunk.transfer)
  }

  /// The first 20 bytes of the SHA-256 of our id, in hexadecimal: whoever has the log finds the call in a capture.
  static func sipCallID(_ callID: String) -> String {
    Digest.hexadecimal(Digest.sha256(Array(callID.utf8)).prefix(20))
  }
}
