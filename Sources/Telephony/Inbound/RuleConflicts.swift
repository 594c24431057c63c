/// Finds rules between which nothing decides: same PIN, same trunk or both without, same calling and called number or
/// both without.
enum RuleConflicts {
  private struct Key: Hashable {
    var pin: String
    /// Empty for rules without trunks.
    var trunk: String
    /// Nil for rules without called numbers.
    var number: NumberPattern?
  }

  /// Pairs of indices into `rules`, each once, the lower index first.
  static func pairs(of rules: [DispatchRule], trunks: [InboundTrunk]) -> [(Int, Int)] {
    var holders: [Key: [Int]] = [:]
    for (index, rule) in rules.enumerated() {
      for key in keys(of: rule, trunks: trunks) { holders[key, default: []].append(index) }
    }
    var found: Set<[Int]> = []
    for indices in holders.values where indices.count > 1 {
      for (place, first) in indices.enumerated() {
        for second in indices[(place + 1)...] where shareCaller(rules[first], rules[second]) {
          found.insert([first, second])
        }
      }
    }
    return found.map { ($0[0], $0[1]) }.sorted { $0 < $1 }
  }

  private static func keys(of rule: DispatchRule, trunks: [InboundTrunk]) -> Set<Key> {
    let ids = rule.trunkIDs.isEmpty ? [""] : rule.trunkIDs.map { id in canonical(id, trunks) }
    let numbers = rule.numbers.isEmpty ? [NumberPattern?.none] : rule.numbers.map(Optional.some)
    return Set(ids.flatMap { id in numbers.map { Key(pin: rule.pin, trunk: id, number: $0) } })
  }

  /// A trunk named by its name and by its id is one trunk.
  private static func canonical(_ idOrName: String, _ trunks: [InboundTrunk]) -> String {
    trunks.first { $0.id == idOrName }?.id ?? trunks.first { $0.name == idOrName }?.id ?? idOrName
  }

  private static func shareCaller(_ a: DispatchRule, _ b: DispatchRule) -> Bool {
    if a.inboundNumbers.isEmpty || b.inboundNumbers.isEmpty {
      return a.inboundNumbers.isEmpty && b.inboundNumbers.isEmpty
    }
    return !Set(a.inboundNumbers).isDisjoint(with: b.inboundNumbers)
  }
}
