/// Finds rules between which nothing decides: same PIN, same trunk or both without, same calling and called number or
/// both without.
enum RuleConflicts {
  private struct Place: Hashable {
    var pin: String
    /// Nil for rules without called numbers.
    var number: NumberPattern?
  }

  private struct Pair: Hashable {
    let first: Int
    let second: Int
  }

  /// Pairs of indices into `rules`, each once, the lower index first.
  static func pairs(of rules: [DispatchRule], trunks: [InboundTrunk]) -> [(Int, Int)] {
    let names = TrunkNames(trunks)
    let trunkIDs = rules.map { rule in rule.trunkIDs.isEmpty ? [""] : Set(rule.trunkIDs.map(names.canonical)) }
    let all = Array(rules.indices)
    var found: Set<Pair> = []
    // One condition after the other, each among the few that the ones before leave together: a rule may have a thousand
    // trunks and a thousand numbers, and a gateway ten thousand rules.
    for samePlace in groups(
      all, { index in Self.patterns(rules[index].numbers).map { Place(pin: rules[index].pin, number: $0) } })
    {
      for sameTrunk in groups(samePlace, { trunkIDs[$0] }) {
        for same in groups(sameTrunk, { Self.patterns(rules[$0].inboundNumbers) }) {
          for (place, first) in same.enumerated() {
            for second in same[(place + 1)...] { found.insert(Pair(first: first, second: second)) }
          }
        }
      }
    }
    return found.map { ($0.first, $0.second) }.sorted { $0 < $1 }
  }

  /// Nil alone for a rule that names no numbers.
  private static func patterns(_ numbers: [NumberPattern]) -> Set<NumberPattern?> {
    numbers.isEmpty ? [nil] : Set(numbers.map(Optional.some))
  }

  /// Rules that share a key, where they are two at least; each group in ascending order.
  private static func groups<Key: Hashable>(_ rules: [Int], _ keys: (Int) -> some Sequence<Key>) -> [[Int]] {
    var groups: [Key: [Int]] = [:]
    for rule in rules {
      for key in keys(rule) { groups[key, default: []].append(rule) }
    }
    return groups.values.filter { $0.count > 1 }
  }
}

/// A trunk named by its name and by its id is one trunk.
struct TrunkNames {
  private let ids: Set<String>
  private let idByName: [String: String]

  init(_ trunks: [InboundTrunk]) {
    ids = Set(trunks.map(\.id))
    idByName = [String: String](trunks.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
  }

  /// The id, or the text where no trunk has it.
  func canonical(_ idOrName: String) -> String {
    ids.contains(idOrName) ? idOrName : idByName[idOrName] ?? idOrName
  }
}
