/// Finds trunks and rules that contradict each other, before the first call does.
public struct ConfigurationLint: Sendable {
  let trunks: [InboundTrunk]
  let rules: [DispatchRule]
  let acceptUnmatchedTrunk: Bool

  public init(trunks: [InboundTrunk], rules: [DispatchRule], acceptUnmatchedTrunk: Bool = false) {
    self.trunks = trunks
    self.rules = rules
    self.acceptUnmatchedTrunk = acceptUnmatchedTrunk
  }

  /// Trunks first, each in the order given. A rule with a graver finding is not searched for finer ones.
  public func findings() -> [LintFinding] {
    var findings = trunks.indices.flatMap { openTrunk($0) + overlaps($0) } + duplicates()
    let conflicts = RuleConflicts.pairs(of: rules, trunks: trunks)
    for index in rules.indices { findings += self.findings(ofRule: index, conflicts) }
    return findings
  }

  /// What is wrong with one trunk, looking at those before it.
  public func findings(ofTrunk index: Int) -> [LintFinding] { openTrunk(index) + overlaps(index) }

  /// What is wrong with one rule; a conflict is told of the later of two.
  public func findings(ofRule index: Int) -> [LintFinding] {
    findings(ofRule: index, RuleConflicts.pairs(of: rules, trunks: trunks))
  }

  private func findings(ofRule index: Int, _ conflicts: [(Int, Int)]) -> [LintFinding] {
    let conflict = conflicts.first { $0.1 == index }.map(self.conflict)
    let missing = trunkNames(index)
    guard missing.isEmpty else { return missing + [conflict].compactMap(\.self) }
    var findings: [LintFinding] = []
    if let conflict {
      findings.append(conflict)
    } else if let unreachable = emptyIntersection(index) {
      findings.append(unreachable)
    } else if !conflicts.contains(where: { $0.0 == index }), let shadowed = shadow(index) {
      findings.append(shadowed)
    }
    return findings + calledNumberAsCaller(index)
  }

  /// The trunks whose calls the rule may take; every trunk for a rule that names none.
  func scope(_ rule: DispatchRule) -> [Int] {
    trunks.indices.filter { rule.trunkIDs.isEmpty || rule.names(trunks[$0]) }
  }

  static func text(_ patterns: [NumberPattern]) -> String { patterns.map(\.text).joined(separator: ", ") }

  /// What one sentence, or the findings about one thing, name of many.
  static let shownLimit = 8
}

// MARK: Trunks

extension ConfigurationLint {
  /// LiveKit refuses to create such a trunk: it would let every scanner in.
  private func openTrunk(_ index: Int) -> [LintFinding] {
    let trunk = trunks[index]
    let isRestricted =
      !trunk.numbers.isEmpty || !trunk.allowedAddresses.isEmpty || !trunk.authUsername.isEmpty
      || !trunk.authPassword.isEmpty
    if isRestricted { return [] }
    return [
      LintFinding(
        severity: .error, kind: .openTrunk, subject: .trunk(index), other: nil, key: "allowed_addresses", value: "[]",
        sentence: "trunk \(trunk.label) needs numbers, allowed_addresses or auth_username and auth_password")
    ]
  }

  /// LiveKit's conflict rule: numbers decide, addresses do not.
  private func overlaps(_ index: Int) -> [LintFinding] {
    let trunk = trunks[index]
    let (callers, called) = (NumberSet(trunk.allowedNumbers), NumberSet(trunk.numbers))
    return Array(
      trunks[..<index].enumerated().lazy.compactMap { place, earlier -> LintFinding? in
        guard trunk.numbers.isEmpty == earlier.numbers.isEmpty,
          let callers = callers.intersection(NumberSet(earlier.allowedNumbers)),
          let called = called.intersection(NumberSet(earlier.numbers))
        else { return nil }
        let from = callers.isEverything ? "" : " from \(callers)"
        return LintFinding(
          severity: .error, kind: .overlappingTrunks, subject: .trunk(index), other: .trunk(place), key: "numbers",
          value: called.isEverything ? "[]" : "\(called)",
          sentence: "trunks \(earlier.label) and \(trunk.label) both take calls\(from) to \(called); "
            + "give each its own numbers, or make them one trunk")
      }.prefix(Self.shownLimit))
  }

  private func duplicates() -> [LintFinding] {
    func find(_ ids: [String], _ subject: (Int) -> LintFinding.Subject, _ key: String) -> [LintFinding] {
      ids.indices.compactMap { index in
        guard let first = ids[..<index].firstIndex(of: ids[index]) else { return nil }
        return LintFinding(
          severity: .error, kind: .duplicateID, subject: subject(index), other: subject(first), key: key,
          value: ids[index], sentence: "the id \(ids[index]) is taken")
      }
    }
    return find(trunks.map(\.id), { .trunk($0) }, "sip_trunk_id")
      + find(rules.map(\.id), { .rule($0) }, "sip_dispatch_rule_id")
  }
}

// MARK: Rules

extension ConfigurationLint {
  private func trunkNames(_ index: Int) -> [LintFinding] {
    let rule = rules[index]
    var places: [String: [Int]] = [:]
    for (place, trunk) in trunks.enumerated() {
      for name in Set([trunk.id, trunk.name]) { places[name, default: []].append(place) }
    }
    return rule.trunkIDs.compactMap { name in
      let named = places[name] ?? []
      if named.count == 1 { return nil }
      guard let first = named.first else {
        let rest = trunks.count - Self.shownLimit
        let known =
          trunks.prefix(Self.shownLimit).map(\.label).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
        return LintFinding(
          severity: .error, kind: .missingTrunk, subject: .rule(index), other: nil, key: "trunk_ids", value: name,
          sentence: "rule \(rule.label) names a trunk that is not there; "
            + (known.isEmpty ? "there is none" : "there are \(known)"))
      }
      return LintFinding(
        severity: .error, kind: .ambiguousTrunk, subject: .rule(index), other: .trunk(first), key: "trunk_ids",
        value: name, sentence: "rule \(rule.label) names \(named.count) trunks by this name; use their ids")
    }
  }

  private func conflict(_ pair: (Int, Int)) -> LintFinding {
    LintFinding(
      severity: .error, kind: .conflictingRules, subject: .rule(pair.1), other: .rule(pair.0), key: "numbers",
      value: rules[pair.1].numbers.isEmpty ? "[]" : Self.text(rules[pair.1].numbers),
      sentence: Dispatcher.conflictSentence(rules[pair.0], rules[pair.1]))
  }

  private func emptyIntersection(_ index: Int) -> LintFinding? {
    let rule = rules[index]
    if rule.trunkIDs.isEmpty, acceptUnmatchedTrunk || trunks.isEmpty { return nil }
    let scope = scope(rule)
    if scope.contains(where: { reach(rule, $0) != nil }) { return nil }
    let isCalled = !scope.contains { NumberSet(rule.numbers).intersection(NumberSet(trunks[$0].numbers)) != nil }
    guard let first = scope.first else { return nil }
    let (key, mine, theirs, theirKey) =
      isCalled
      ? ("numbers", rule.numbers, trunks[first].numbers, "numbers")
      : ("inbound_numbers", rule.inboundNumbers, trunks[first].allowedNumbers, "allowed_numbers")
    return LintFinding(
      severity: .error, kind: .emptyIntersection, subject: .rule(index), other: .trunk(first), key: key,
      value: Self.text(mine),
      sentence: "rule \(rule.label) can never match: trunk \(trunks[first].label) takes only "
        + "\(theirKey) \(Self.text(theirs))")
  }

  private func calledNumberAsCaller(_ index: Int) -> [LintFinding] {
    let rule = rules[index]
    for place in scope(rule) {
      guard let number = rule.inboundNumbers.first(where: { !$0.isPrefix && trunks[place].numbers.contains($0) }) else {
        continue
      }
      return [
        LintFinding(
          severity: .warning, kind: .calledNumberAsCaller, subject: .rule(index), other: .trunk(place),
          key: "inbound_numbers", value: number.text,
          sentence: "rule \(rule.label) takes only calls made by \(number), which trunk \(trunks[place].label) "
            + "lists as called; called numbers go under numbers")
      ]
    }
    return []
  }

  /// What of a trunk's calls the rule takes. Nil: none.
  func reach(_ rule: DispatchRule, _ trunk: Int) -> (callers: NumberSet, called: NumberSet)? {
    guard let callers = NumberSet(rule.inboundNumbers).intersection(NumberSet(trunks[trunk].allowedNumbers)),
      let called = NumberSet(rule.numbers).intersection(NumberSet(trunks[trunk].numbers))
    else { return nil }
    return (callers, called)
  }
}
