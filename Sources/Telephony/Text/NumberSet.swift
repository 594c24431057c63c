/// The numbers that a list of patterns lets through; an empty list lets everything through.
struct NumberSet: Hashable, CustomStringConvertible {
  /// Empty: everything.
  private let patterns: [NumberPattern]

  init(_ patterns: [NumberPattern]) { self.patterns = patterns }

  var isEverything: Bool { patterns.isEmpty }

  /// Nil when nothing is in both.
  func intersection(_ other: NumberSet) -> NumberSet? {
    if isEverything { return other }
    if other.isEverything { return self }
    var common: [NumberPattern] = []
    for mine in patterns {
      for theirs in other.patterns where mine.overlaps(theirs) {
        let narrower = mine.covers(theirs) ? theirs : mine
        if !common.contains(narrower) { common.append(narrower) }
      }
    }
    return common.isEmpty ? nil : NumberSet(common)
  }

  func covers(_ other: NumberSet) -> Bool {
    if isEverything || patterns.contains(where: \.isEverything) { return true }
    return !other.isEverything
      && other.patterns.allSatisfy { pattern in patterns.contains { $0.covers(pattern) } }
  }

  var description: String { isEverything ? "any number" : ConfigurationLint.text(patterns) }
}
