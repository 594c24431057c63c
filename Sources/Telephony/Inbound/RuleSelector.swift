/// Chooses the dispatch rule of a call, as LiveKit does.
///
/// Rules that name the call's trunk go before rules that name none; among them the lowest rank wins:
///
///     direct 0, individual 1, callee 2
///     + 100 without a PIN
///     + 1000 without inbound_numbers, + 1000 without numbers
///
/// Where the rank is equal, a number goes before a prefix and a long prefix before a short one; then the room name or
/// prefix that sorts first.
struct RuleSelector: Sendable {
  /// The condition of a rule that a call does not meet, in the order they are looked at.
  enum Condition: String, CaseIterable, Sendable {
    case trunkIDs = "trunk_ids"
    case inboundNumbers = "inbound_numbers"
    case numbers
    case pin
  }

  enum Selection {
    case rule(DispatchRule)
    case conflict(DispatchRule, DispatchRule)
    case none
  }

  /// Ascending id.
  let rules: [DispatchRule]
  /// Pairs of indices into `rules` that share trunk, PIN and both numbers.
  private let conflicts: [(Int, Int)]

  init(rules: [DispatchRule], trunks: [InboundTrunk]) {
    self.rules = rules.sorted { $0.id < $1.id }
    conflicts = RuleConflicts.pairs(of: self.rules, trunks: trunks)
  }

  /// - Parameter trunk: nil when the call matched none and may go on all the same.
  func select(_ call: CallFacts, trunk: InboundTrunk?, pin: PINEntry) -> Selection {
    if let pair = conflict(for: trunk) { return .conflict(pair.0, pair.1) }
    let fitting = rules.filter { failedCondition(of: $0, for: call, trunk: trunk, pin: pin) == nil }
    let specific = fitting.filter { !$0.trunkIDs.isEmpty }
    let candidates = specific.isEmpty ? fitting : specific
    let best = candidates.map { (rule: $0, rank: Rank($0, call)) }.min { $0.rank < $1.rank }
    return best.map { .rule($0.rule) } ?? .none
  }

  /// Two rules in conflict spoil every call that both could be asked about, whatever its numbers.
  func conflict(for trunk: InboundTrunk?) -> (DispatchRule, DispatchRule)? {
    func isListed(_ rule: DispatchRule) -> Bool { rule.trunkIDs.isEmpty || trunk.map(rule.names) ?? true }
    for (first, second) in conflicts where isListed(rules[first]) && isListed(rules[second]) {
      return (rules[first], rules[second])
    }
    return nil
  }

  func failedCondition(of rule: DispatchRule, for call: CallFacts, trunk: InboundTrunk?, pin: PINEntry) -> Condition? {
    Condition.allCases.first { verdict($0, of: rule, for: call, trunk: trunk, pin: pin) == .failed }
  }

  func verdict(
    _ condition: Condition, of rule: DispatchRule, for call: CallFacts, trunk: InboundTrunk?, pin: PINEntry
  ) -> TrunkMatcher.Verdict {
    switch condition {
    case .trunkIDs: rule.trunkIDs.isEmpty ? .open : trunk.map(rule.names) == true ? .met : .failed
    case .inboundNumbers: TrunkMatcher.verdict(rule.inboundNumbers, call.fromUser)
    case .numbers: TrunkMatcher.verdict(rule.numbers, call.toUser)
    case .pin: Self.verdict(rule.pin, pin)
    }
  }

  /// The rule that meets most of what it asks, and the first thing it asks in vain. Nil when there is no rule.
  func nearestMiss(
    _ call: CallFacts, trunk: InboundTrunk?, pin: PINEntry
  ) -> (rule: DispatchRule, condition: Condition)? {
    var best: (rule: DispatchRule, condition: Condition, score: Int)?
    for rule in rules {
      guard let failed = failedCondition(of: rule, for: call, trunk: trunk, pin: pin) else { continue }
      let score = Condition.allCases.reduce(0) { sum, condition in
        sum + Self.weight(condition, verdict(condition, of: rule, for: call, trunk: trunk, pin: pin))
      }
      if score > best?.score ?? .min { best = (rule, failed, score) }
    }
    return best.map { ($0.rule, $0.condition) }
  }

  private static func verdict(_ wanted: String, _ pin: PINEntry) -> TrunkMatcher.Verdict {
    switch pin {
    case .notAsked: .open
    case .skipped: wanted.isEmpty ? .open : .failed
    case .entered(let digits):
      // Compared in constant time: the caller can try again and again.
      Digest.areEqual(Array(digits.utf8), Array(wanted.utf8)) ? .met : .failed
    }
  }

  private static func weight(_ condition: Condition, _ verdict: TrunkMatcher.Verdict) -> Int {
    switch (verdict, condition) {
    case (.met, .trunkIDs): 8
    case (.met, .numbers): 4
    case (.met, .inboundNumbers), (.met, .pin): 2
    case (.open, _): 0
    case (.failed, _): -1
    }
  }
}

extension RuleSelector {
  /// Where a rule stands among those that fit a call. The lowest goes first.
  struct Rank: Comparable {
    let priority: Int
    /// How precisely the rule's patterns name the calling and the called number.
    let precision: [Int]
    let roomNameOrPrefix: String
    let id: String

    init(_ rule: DispatchRule, _ call: CallFacts) {
      priority = Self.priority(of: rule)
      precision = [
        Self.precision(rule.inboundNumbers, call.fromUser), Self.precision(rule.numbers, call.toUser),
      ]
      roomNameOrPrefix = rule.roomNameOrPrefix
      id = rule.id
    }

    static func < (a: Rank, b: Rank) -> Bool {
      if a.priority != b.priority { return a.priority < b.priority }
      for (mine, other) in zip(a.precision, b.precision) where mine != other { return mine > other }
      return (a.roomNameOrPrefix, a.id) < (b.roomNameOrPrefix, b.id)
    }

    static func priority(of rule: DispatchRule) -> Int {
      let kind =
        switch rule.kind {
        case .direct: 0
        case .individual: 1
        case .callee: 2
        }
      return kind + (rule.pin.isEmpty ? 100 : 0) + (rule.inboundNumbers.isEmpty ? 1000 : 0)
        + (rule.numbers.isEmpty ? 1000 : 0)
    }

    /// An absent list counts as exact, so that rules without prefixes are ordered by `priority` and name alone.
    private static func precision(_ patterns: [NumberPattern], _ number: String) -> Int {
      patterns.filter { $0.matches(number) }.map { $0.isPrefix ? $0.body.utf8.count : .max }.max() ?? .max
    }
  }
}
