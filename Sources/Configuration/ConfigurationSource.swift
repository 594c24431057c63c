import Foundation
import Telephony
import Yams

/// Where the configuration text comes from.
public struct ConfigurationSource: Sendable {
  /// `--config`, else `SIP_CONFIG_FILE`.
  public var file: String?
  /// `--config-body`, else `SIP_CONFIG_BODY`. Goes before `file`.
  public var body: String?
  /// `LIVEKIT_WS_URL`, `LIVEKIT_API_KEY`, `LIVEKIT_API_SECRET`, `SIP_CONFIG_FILE`, `SIP_CONFIG_BODY`.
  public var environment: [String: String]

  public init(file: String? = nil, body: String? = nil, environment: [String: String] = [:]) {
    self.environment = environment
    let said = { (name: String) in environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    // What stands on the command line goes before all of the environment.
    self.body = body ?? (file == nil ? said("SIP_CONFIG_BODY") : nil)
    self.file = file ?? said("SIP_CONFIG_FILE")
  }
}

extension GatewayConfiguration {
  /// Reads and checks everything. Without a file and a body the defaults hold: embedded mode, no trunk, no rule.
  public static func load(_ source: ConfigurationSource) throws(ConfigurationError) -> GatewayConfiguration {
    if let body = source.body { return try read(body, file: nil, name: "configuration", source) }
    guard let file = source.file else { return try read("", file: nil, name: "defaults", source) }
    return try read(TextFile.read(file), file: file, name: file, source)
  }

  /// Every key that can be set, items of lists as `[]`: `inbound_trunks[].numbers`.
  static var knownKeys: [String] {
    let reading = Reading(source: "")
    var reader = GatewayReader(environment: [:], directory: nil)
    reader.read(Section(nil, path: "", reading: reading))
    return reading.knownKeys.filter { !reading.unsettableKeys.contains($0) }
  }

  private static func read(
    _ text: String, file: String?, name: String, _ source: ConfigurationSource
  ) throws(ConfigurationError) -> GatewayConfiguration {
    let reading = Reading(source: name)
    reading.directory = file.map(TextFile.directory)
    let root = Section(try YAMLText.compose(text, name: name), path: "", reading: reading)
    var reader = GatewayReader(environment: source.environment, directory: file.map(TextFile.directory))
    reader.configuration.file = file
    reader.read(root)
    root.refuseTheRest()
    let problems = reading.allProblems()
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    reader.configuration.announcements = reading.sounds
    reader.configuration.warnings = reading.warnings + reader.configuration.warnings
    return reader.configuration
  }
}

/// Whole text files of a bounded size.
enum TextFile {
  static let byteLimit = 4 << 20
  /// Millions of numbers.
  static let listByteLimit = 128 << 20
  static let missing = "there is no such file"

  static func read(_ path: String, byteLimit: Int = byteLimit) throws(ConfigurationError) -> String {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      let isThere = FileManager.default.fileExists(atPath: path)
      throw ConfigurationError(source: path, line: nil, isThere ? "cannot be read: permission denied" : missing)
    }
    defer { try? handle.close() }
    guard let data = try? handle.read(upToCount: byteLimit + 1) else { return "" }
    guard data.count <= byteLimit else {
      throw ConfigurationError(source: path, line: nil, "expected at most \(byteLimit) bytes")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ConfigurationError(source: path, line: nil, "expected UTF-8 text")
    }
    return text
  }

  static func directory(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  }
}

enum YAMLText {
  /// Nil for an empty document. Bad YAML is a problem with its line.
  static func compose(_ text: String, name: String) throws(ConfigurationError) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw problem(error, name)
    } catch {
      throw ConfigurationError(source: name, line: nil, "not YAML: \(error)")
    }
  }

  private static func problem(_ error: YamlError, _ name: String) -> ConfigurationError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      ConfigurationError(source: name, line: mark.line, "not YAML: \(problem), column \(mark.column)")
    case .reader(let problem, _, _, _): ConfigurationError(source: name, line: nil, "not YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      ConfigurationError(
        source: name, line: context.mark.line,
        "given twice in the mapping that begins here: \(keys.joined(separator: ", "))")
    default: ConfigurationError(source: name, line: nil, "not YAML: \(error)")
    }
  }
}
