/// Finds outbound trunks, and transfers of trunks in both directions, that cannot work as written.
public struct OutboundLint: Sendable {
  let trunks: [OutboundTrunk]
  let inboundTrunks: [InboundTrunk]
  let doNotCallLists: Set<String>

  /// - Parameter doNotCallLists: names of the lists that there are.
  public init(trunks: [OutboundTrunk], inboundTrunks: [InboundTrunk], doNotCallLists: Set<String>) {
    self.trunks = trunks
    self.inboundTrunks = inboundTrunks
    self.doNotCallLists = doNotCallLists
  }

  /// Outbound trunks first, each in the order given.
  public func findings() -> [LintFinding] {
    var findings: [LintFinding] = []
    for index in trunks.indices {
      findings += duplicate(index)
      findings += sharedNumbers(index)
      findings += noDestination(index)
      findings += missingList(index)
      findings += transfer(.outboundTrunk(index), trunks[index].label, trunks[index].transfer, isOutbound: true)
    }
    for (index, trunk) in inboundTrunks.enumerated() {
      findings += transfer(.trunk(index), trunk.label, trunk.transfer, isOutbound: false)
    }
    return findings
  }

  private func duplicate(_ index: Int) -> [LintFinding] {
    let id = trunks[index].id
    let other: LintFinding.Subject
    if let place = trunks[..<index].firstIndex(where: { $0.id == id }) {
      other = .outboundTrunk(place)
    } else if let place = inboundTrunks.firstIndex(where: { $0.id == id }) {
      other = .trunk(place)
    } else {
      return []
    }
    return [
      finding(.error, .duplicateID, .outboundTrunk(index), other, "sip_trunk_id", id, "the id \(id) is taken")
    ]
  }

  /// LiveKit allows it; only calls that name neither trunk are refused.
  private func sharedNumbers(_ index: Int) -> [LintFinding] {
    let trunk = trunks[index]
    for (place, earlier) in trunks[..<index].enumerated() {
      guard let number = trunk.numbers.first(where: { !$0.isPrefix && earlier.numbers.contains($0) }) else { continue }
      return [
        finding(
          .warning, .sharedNumber, .outboundTrunk(index), .outboundTrunk(place), "numbers", number.text,
          "outbound trunks \(earlier.label) and \(trunk.label) both list \(number): a call that gives only sip_number "
            + "is refused")
      ]
    }
    return []
  }

  private func noDestination(_ index: Int) -> [LintFinding] {
    let limits = trunks[index].limits
    let allowed = limits.allowedDestinations
    let isEmpty =
      limits.deniedDestinations.contains(where: \.isEverything)
      || !allowed.isEmpty && allowed.allSatisfy { entry in limits.deniedDestinations.contains { $0.covers(entry) } }
    guard isEmpty else { return [] }
    return [
      finding(
        .error, .noDestination, .outboundTrunk(index), nil, "denied_destinations",
        ConfigurationLint.text(limits.deniedDestinations),
        "outbound trunk \(trunks[index].label) can dial nothing: every destination that it allows is denied")
    ]
  }

  private func missingList(_ index: Int) -> [LintFinding] {
    let name = trunks[index].limits.doNotCallList
    guard !name.isEmpty, !doNotCallLists.contains(name) else { return [] }
    return [
      finding(
        .error, .missingList, .outboundTrunk(index), nil, "do_not_call_list", name,
        "the do-not-call list of outbound trunk \(trunks[index].label) is not there")
    ]
  }

  private func transfer(
    _ subject: LintFinding.Subject, _ label: String, _ policy: TransferPolicy, isOutbound: Bool
  ) -> [LintFinding] {
    if !policy.trunk.isEmpty {
      let count = trunks.count { $0.isNamed(policy.trunk) }
      if count == 1 { return [] }
      return [
        finding(
          .error, .noTransferTrunk, subject, nil, "transfer_trunk", policy.trunk,
          count == 0
            ? "trunk \(label) dials targets of transfers on an outbound trunk that is not there"
            : "trunk \(label) dials targets of transfers on one of \(count) outbound trunks of this name; use an id")
      ]
    }
    // Trunks may yet be made by the API, so that this is no error.
    guard policy.mode != .refer || policy.acceptsRefer, !isOutbound, trunks.count != 1 else { return [] }
    return [
      finding(
        .warning, .noTransferTrunk, subject, nil, policy.mode == .refer ? "accept_refer" : "transfer_mode",
        policy.mode == .refer ? "true" : policy.mode.rawValue,
        "trunk \(label) needs transfer_trunk: there are \(trunks.count) outbound trunks to dial targets of transfers on"
      )
    ]
  }

  private func finding(
    _ severity: LintFinding.Severity, _ kind: LintFinding.Kind, _ subject: LintFinding.Subject,
    _ other: LintFinding.Subject?, _ key: String, _ value: String, _ sentence: String
  ) -> LintFinding {
    LintFinding(
      severity: severity, kind: kind, subject: subject, other: other, key: key, value: value, sentence: sentence)
  }
}
