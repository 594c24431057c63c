/// The numbers that a list of patterns lets through; an empty list lets everything through.
struct NumberSet: Hashable, CustomStringConvertible {
  /// Empty: everything.
  let patterns: [NumberPattern]
  /// Nil for a short list, which is faster looked through.
  private let index: Index?

  /// Lists of a thousand numbers are held against each other when trunks and rules are checked.
  private struct Index: Hashable {
    var numbers: Set<String> = []
    var prefixes: Set<String> = []
    /// In bytes.
    var prefixLengths: Set<Int> = []

    init(_ patterns: [NumberPattern]) {
      for pattern in patterns {
        guard pattern.isPrefix else {
          numbers.insert(pattern.body)
          continue
        }
        prefixes.insert(pattern.body)
        prefixLengths.insert(pattern.body.utf8.count)
      }
    }

    func covers(_ pattern: NumberPattern) -> Bool {
      if !pattern.isPrefix, numbers.contains(pattern.body) { return true }
      return prefixLengths.contains { length in
        String(pattern.body.utf8.prefix(length)).map { $0.utf8.count == length && prefixes.contains($0) } ?? false
      }
    }
  }

  private static let indexThreshold = 16
  /// Patterns that a sentence names.
  private static let shownLimit = 8

  init(_ patterns: [NumberPattern]) {
    self.patterns = patterns
    index = patterns.count > Self.indexThreshold ? Index(patterns) : nil
  }

  var isEverything: Bool { patterns.isEmpty }

  /// Nil when nothing is in both.
  func intersection(_ other: NumberSet) -> NumberSet? {
    if isEverything { return other }
    if other.isEverything { return self }
    var common: [NumberPattern] = []
    var seen: Set<NumberPattern> = []
    for mine in patterns where other.covers(mine) && seen.insert(mine).inserted { common.append(mine) }
    for theirs in other.patterns where covers(theirs) && seen.insert(theirs).inserted { common.append(theirs) }
    return common.isEmpty ? nil : NumberSet(common)
  }

  func covers(_ other: NumberSet) -> Bool {
    if isEverything || patterns.contains(where: \.isEverything) { return true }
    return !other.isEverything && other.patterns.allSatisfy(covers)
  }

  private func covers(_ pattern: NumberPattern) -> Bool {
    index?.covers(pattern) ?? patterns.contains { $0.covers(pattern) }
  }

  var description: String {
    if isEverything { return "any number" }
    let rest = patterns.count - Self.shownLimit
    return ConfigurationLint.text(Array(patterns.prefix(Self.shownLimit))) + (rest > 0 ? " and \(rest) more" : "")
  }
}
