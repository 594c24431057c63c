/// Which trunk a call goes out by.
extension OutboundPlanner {
  /// By id or name, by number, or the one that stands in the request.
  func choose(_ request: OutboundCallRequest) throws(OutboundRefusal) -> OutboundTrunk {
    if let inline = request.trunk {
      guard request.sipTrunkID.isEmpty else {
        throw .invalid("trunk", "sip_trunk_id and trunk exclude each other")
      }
      return try trunk(inline)
    }
    if !request.sipTrunkID.isEmpty { return try named(request.sipTrunkID, field: "sip_trunk_id") }
    if !request.sipNumber.isEmpty { return try listing(request.sipNumber) }
    throw .invalid("sip_trunk_id", "one of sip_trunk_id, trunk and sip_number is required")
  }

  /// The trunk of a bridge: the policy's, else the call's own, else the only one.
  func choose(_ target: TransferTarget) throws(OutboundRefusal) -> OutboundTrunk {
    for name in [target.trunk, target.ownTrunkID] where !name.isEmpty {
      return try named(name, field: "transfer_trunk")
    }
    guard let only = trunks.first, trunks.count == 1 else {
      throw OutboundRefusal(
        trunks.isEmpty ? .noTrunk : .severalTrunks, field: "transfer_trunk",
        trunks.isEmpty
          ? "there is no outbound trunk to dial the target on"
          : "there are \(trunks.count) outbound trunks: transfer_trunk says which one dials targets of transfers")
    }
    return only
  }

  private func named(_ name: String, field: String) throws(OutboundRefusal) -> OutboundTrunk {
    if let trunk = trunks.first(where: { $0.id == name }) { return trunk }
    let found = trunks.filter { $0.isNamed(name) }
    if found.count > 1 {
      throw OutboundRefusal(.severalTrunks, field: field, "\(found.count) outbound trunks have the name \(name)")
    }
    guard let trunk = found.first else {
      throw OutboundRefusal(.noTrunk, field: field, "there is no outbound trunk \(name)")
    }
    return trunk
  }

  /// A trunk that lists the number itself goes before one whose prefix matches.
  private func listing(_ number: String) throws(OutboundRefusal) -> OutboundTrunk {
    let normalized = PhoneNumber.normalized(number)
    let exact = trunks.filter { trunk in
      trunk.numbers.contains { !$0.isPrefix && $0.matches(normalized: normalized) }
    }
    let found = exact.isEmpty ? trunks.filter { $0.numbers.contains { $0.matches(normalized: normalized) } } : exact
    if found.count > 1 {
      throw OutboundRefusal(
        .severalTrunks, field: "sip_number",
        "outbound trunks \(found[0].label) and \(found[1].label) both list \(number): give sip_trunk_id")
    }
    guard let trunk = found.first else {
      throw OutboundRefusal(.noTrunk, field: "sip_number", "no outbound trunk lists the number \(number)")
    }
    return trunk
  }

  private func trunk(_ inline: OutboundCallRequest.InlineTrunk) throws(OutboundRefusal) -> OutboundTrunk {
    guard options.allowsInlineTrunks else {
      throw OutboundRefusal(
        .unavailable, field: "trunk", "trunks inside requests are not allowed here (outbound.inline_trunks)")
    }
    guard let address = SIPHostPort(inline.hostname) else {
      throw .invalid("trunk.hostname", OutboundTrunkCheck.problem(address: inline.hostname) ?? "no host name")
    }
    let trunk = OutboundTrunk(
      id: "", address: address, transport: inline.transport, numbers: ["*"], authUsername: inline.authUsername,
      authPassword: inline.authPassword, headersToAttributes: inline.headersToAttributes,
      attributesToHeaders: inline.attributesToHeaders, destinationCountry: inline.destinationCountry,
      fromHost: inline.fromHost)
    if let problem = OutboundTrunkCheck.problems(trunk).first {
      throw .invalid("trunk.\(problem.field)", problem.sentence)
    }
    return trunk
  }
}
