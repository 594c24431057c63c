/// One thing wrong with the configuration, said in one line.
public struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
  /// The file, or the environment variable that holds the text.
  public var source: String
  /// 1 is the first line. Nil when the value did not come from a file.
  public var line: Int?
  /// The key's path: `rtc.udp_port`, `inbound_trunks[0].numbers`. Nil for the file as a whole.
  public var key: String?
  /// The value as written, shortened; `…` for a secret. Nil when a key is missing or unknown.
  public var value: String?
  /// What would have been right.
  public var expected: String

  public init(source: String, line: Int?, key: String?, value: String?, expected: String) {
    self.source = source
    self.line = line
    self.key = key
    self.value = value
    self.expected = expected
  }

  public var description: String {
    let place = line.map { "\(source):\($0)" } ?? source
    return [place, key, value, expected].compactMap(\.self).joined(separator: ": ")
  }
}

/// The configuration was refused: every problem that was found, in the order of the file.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public var problems: [ConfigurationProblem]

  public init(_ problems: [ConfigurationProblem]) { self.problems = problems }

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension ConfigurationError {
  /// A problem of the file as a whole.
  init(source: String, line: Int?, _ expected: String) {
    self.init([ConfigurationProblem(source: source, line: line, key: nil, value: nil, expected: expected)])
  }

  /// The file is not there, as opposed to not readable or wrong.
  var isMissingFile: Bool { problems.contains { $0.expected.hasPrefix(TextFile.missing) } }
}
