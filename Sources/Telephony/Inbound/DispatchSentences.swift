/// What people are told about a call that was not taken. Numbers appear in full: who logs a sentence redacts it.
extension Dispatcher {
  func noTrunkSentence(_ call: CallFacts, _ addresses: AddressTable) -> String {
    guard let miss = matcher.nearestMiss(call, addresses: addresses) else { return "no inbound trunk is configured" }
    let why = Self.sentence(miss.condition, of: miss.trunk, call, addresses)
    return "no inbound trunk takes the call; nearest is trunk \(miss.trunk.label), but its \(why)"
  }

  func noRuleSentence(_ call: CallFacts, _ trunk: InboundTrunk?, _ pin: PINEntry) -> String {
    guard let miss = selector.nearestMiss(call, trunk: trunk, pin: pin) else { return "no dispatch rule is configured" }
    let why = Self.sentence(miss.condition, of: miss.rule, call, trunk)
    return "no dispatch rule takes the call; nearest is rule \(miss.rule.label), but its \(why)"
  }

  static func severalSentence(_ first: InboundTrunk, _ second: InboundTrunk, _ call: CallFacts) -> String {
    first.numbers.isEmpty
      ? "trunks \(first.label) and \(second.label) both take calls to any number"
      : "trunks \(first.label) and \(second.label) both name the called number \(quoted(call.toUser))"
  }

  static func conflictSentence(_ first: DispatchRule, _ second: DispatchRule) -> String {
    "rules \(first.label) and \(second.label) have the same trunk, numbers, inbound_numbers and pin"
  }

  /// Follows "its".
  static func sentence(
    _ condition: TrunkMatcher.Condition, of trunk: InboundTrunk, _ call: CallFacts, _ addresses: AddressTable
  ) -> String {
    let key = condition.rawValue
    switch condition {
    case .numbers: return "\(key) (\(list(trunk.numbers))) do not hold the called number \(quoted(call.toUser))"
    case .allowedNumbers:
      return "\(key) (\(list(trunk.allowedNumbers))) do not hold the calling number \(quoted(call.fromUser))"
    case .allowedAddresses:
      let source = call.source.map { "\($0)" } ?? "an unknown source"
      let unresolved = trunk.allowedAddresses.compactMap { pattern -> String? in
        guard case .host(let name) = pattern.kind, addresses.resolved[name]?.isEmpty ?? true else { return nil }
        return name
      }
      let hint = unresolved.isEmpty ? "" : "; no address is known for \(list(unresolved))"
      return "\(key) (\(list(trunk.allowedAddresses))) do not hold the source \(source)\(hint)"
    }
  }

  /// Follows "its".
  static func sentence(
    _ condition: RuleSelector.Condition, of rule: DispatchRule, _ call: CallFacts, _ trunk: InboundTrunk?
  ) -> String {
    let key = condition.rawValue
    switch condition {
    case .trunkIDs:
      let matched = trunk.map { "do not hold \($0.label)" } ?? "cannot hold: the call matched no trunk"
      return "\(key) (\(list(rule.trunkIDs))) \(matched)"
    case .inboundNumbers:
      return "\(key) (\(list(rule.inboundNumbers))) do not hold the calling number \(quoted(call.fromUser))"
    case .numbers: return "\(key) (\(list(rule.numbers))) do not hold the called number \(quoted(call.toUser))"
    case .pin: return rule.pin.isEmpty ? "\(key) is empty, and one was entered" : "\(key) was not the one entered"
    }
  }

  /// At most this many entries of a list are spelled out.
  private static let listLimit = 6

  private static func list(_ items: [some CustomStringConvertible]) -> String {
    let shown = items.prefix(listLimit).map(\.description).joined(separator: ", ")
    return items.count > listLimit ? "\(shown) and \(items.count - listLimit) more" : shown
  }

  /// The network's text may be empty or anything else.
  private static func quoted(_ number: String) -> String {
    let isPlain = !number.isEmpty && number.utf8.count <= 64 && number.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    if isPlain { return number }
    let shown = number.unicodeScalars.prefix(64).map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }
    return "\"\(shown.joined())\""
  }
}
