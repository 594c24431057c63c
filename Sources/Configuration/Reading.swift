import Yams

/// One reading of one file: what was wrong, and every key that was asked for.
///
/// A class because all sections of the file add to it; confined to the function that reads.
final class Reading {
  let source: String
  /// Paths of the keys that exist, items of lists written as `[]`: `inbound_trunks[].numbers`.
  private(set) var knownKeys: [String] = []
  /// Those among them that are refused or without effect.
  private(set) var unsettableKeys: Set<String> = []
  /// Set while an absent list is walked only to learn its keys.
  var isProbing = false
  /// The file may be livekit-sip's, which takes 0, an empty text or false for nothing where they mean nothing.
  var takesZeroForNothing = false
  /// Where the file lies, with a trailing slash: relative names in it count from there. Nil without a file.
  var directory: String?
  /// Recorded sentences that the file names, at 8 kHz, by path.
  var sounds: [String: [Int16]] = [:]
  /// What callers hear where nothing else is said.
  var defaultAnnouncement: String?
  private(set) var warnings: [ConfigurationProblem] = []
  private var problems: [ConfigurationProblem] = []
  private var unknownKeys: [(path: String, name: String, line: Int?)] = []

  init(source: String) { self.source = source }

  func know(_ path: String) {
    let path = Self.withoutIndices(path)
    if !knownKeys.contains(path) { knownKeys.append(path) }
  }

  func knowAsUnsettable(_ path: String) { unsettableKeys.insert(Self.withoutIndices(path)) }

  func refuse(_ key: String, line: Int?, value: String? = nil, _ expected: String) {
    guard !isProbing else { return }
    problems.append(ConfigurationProblem(source: source, line: line, key: key, value: value, expected: expected))
  }

  /// Something that is taken but may not be what was meant.
  func warn(_ key: String, line: Int?, _ sentence: String) {
    guard !isProbing else { return }
    warnings.append(ConfigurationProblem(source: source, line: line, key: key, value: nil, expected: sentence))
  }

  /// Problems of a file that this one names.
  func add(_ others: [ConfigurationProblem]) { problems += others }

  /// Judged when the whole file has been read, because the nearest name may stand in another section.
  func refuseUnknown(_ path: String, name: String, line: Int?) {
    if !isProbing { unknownKeys.append((path, name, line)) }
  }

  /// Everything found, in the order of the file.
  func allProblems() -> [ConfigurationProblem] {
    let unknown = unknownKeys.map { key in
      let suggestion = NearestName.suggestion(for: key.path, among: knownKeys)
      return ConfigurationProblem(
        source: source, line: key.line, key: key.path, value: nil,
        expected: "unknown key" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
    }
    return (problems + unknown).enumerated().sorted {
      ($0.element.line ?? .max, $0.offset) < ($1.element.line ?? .max, $1.offset)
    }.map(\.element)
  }

  static func withoutIndices(_ path: String) -> String {
    var result = ""
    var isInside = false
    for character in path {
      if character == "]" { isInside = false }
      if !isInside { result.append(character) }
      if character == "[" { isInside = true }
    }
    return result
  }
}
