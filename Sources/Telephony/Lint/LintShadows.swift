/// Rules before which another rule goes for every call they could take.
extension ConfigurationLint {
  func shadow(_ index: Int) -> LintFinding? {
    guard rules.count * trunks.count <= Self.shadowLimit else { return nil }
    let rule = rules[index]
    // Calls without a trunk come in too, and nothing is known about their numbers.
    if rule.trunkIDs.isEmpty, acceptUnmatchedTrunk { return nil }
    let trunks = scope(rule).filter { reach(rule, $0) != nil }
    guard let first = trunks.first else { return nil }
    var shadowing: [Int] = []
    for trunk in trunks {
      guard let other = rules.indices.first(where: { $0 != index && goesBefore($0, index, on: trunk) }) else {
        return nil
      }
      shadowing.append(other)
    }
    let other = shadowing[0]
    return LintFinding(
      severity: .error, kind: .shadowedRule, subject: .rule(index), other: .rule(other),
      key: rule.trunkIDs.isEmpty ? "trunk_ids" : "numbers",
      value: rule.trunkIDs.isEmpty || rule.numbers.isEmpty ? "[]" : Self.text(rule.numbers),
      sentence: "rule \(rule.label) can never match: rule \(rules[other].label) goes before it for every call of "
        + "trunk \(self.trunks[first].label)")
  }

  /// Pairs of a rule and a trunk that are looked at: among more it would take seconds, for a hint.
  private static let shadowLimit = 1_000_000

  /// Whether rule `a` takes every call of the trunk that rule `b` could take.
  private func goesBefore(_ a: Int, _ b: Int, on trunk: Int) -> Bool {
    let (first, second) = (rules[a], rules[b])
    guard first.trunkIDs.isEmpty || first.names(self.trunks[trunk]), let reach = reach(second, trunk) else {
      return false
    }
    return outranks(first, second) && hidesPIN(first, b)
      && NumberSet(first.inboundNumbers).covers(reach.callers) && NumberSet(first.numbers).covers(reach.called)
  }

  /// Where the rank is equal, precision decides, which differs from call to call; such rules are left alone.
  private func outranks(_ a: DispatchRule, _ b: DispatchRule) -> Bool {
    if a.trunkIDs.isEmpty != b.trunkIDs.isEmpty { return b.trunkIDs.isEmpty }
    return RuleSelector.Rank.priority(of: a) < RuleSelector.Rank.priority(of: b)
  }

  /// A rule with a PIN still leaves the way to others: `#` alone to open rules, another PIN to that PIN's rule. An open
  /// rule closes the way to a PIN only where no third rule asks for one.
  private func hidesPIN(_ a: DispatchRule, _ b: Int) -> Bool {
    if !a.pin.isEmpty { return a.pin == rules[b].pin }
    return rules[b].pin.isEmpty || !rules.indices.contains { $0 != b && !rules[$0].pin.isEmpty }
  }
}
