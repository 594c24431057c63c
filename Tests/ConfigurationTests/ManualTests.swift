import Foundation
import RoomClientCore
import Telephony
import Testing
import Yams

@testable import Configuration

/// `conf/trunkline.yaml` as it is read by people and by the program.
@Suite struct ManualTests {
  static let path = repository("conf/trunkline.yaml")
  /// Files of the other modes, which describe what is theirs alone.
  static let others = ["conf/cluster.yaml", "conf/server.yaml"]

  /// The tests may run from a package elsewhere whose `Tests` is a link: the sources say where they are.
  static func repository(_ file: String) -> String {
    var directory = URL(filePath: #filePath).resolvingSymlinksInPath()
    while directory.path != "/" {
      directory.deleteLastPathComponent()
      let candidate = directory.appending(path: file)
      if FileManager.default.fileExists(atPath: candidate.path) { return candidate.path }
    }
    return file
  }

  let text: String

  init() throws { text = try String(contentsOfFile: Self.path, encoding: .utf8) }

  /// Every setting that stands behind a `#`, with the `#` taken away; `keeping` decides by key.
  func uncommented(keeping keeps: (Substring) -> Bool = { _ in true }) -> String {
    Self.uncommented(text, keeping: keeps)
  }

  static func uncommented(_ text: String, keeping keeps: (Substring) -> Bool = { _ in true }) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> Substring in
      guard line.hasPrefix("#"), line.count > 1, !line.hasPrefix("# ") || line.hasPrefix("#  ") else { return line }
      let setting = line.dropFirst()
      let key = setting.drop { $0 == " " }.prefix { $0 != ":" }
      return keeps(key) ? setting : line
    }.joined(separator: "\n")
  }

  func load(_ text: String, hasPrompts: Bool = true) throws -> GatewayConfiguration {
    let file = try temporaryFile(
      text, named: "trunkline.yaml", beside: Self.repository("conf/providers.yaml"),
      Self.repository("conf/do-not-call.txt"))
    for name in ["sorry.wav", "closed.wav"] {
      try NoAgentTests.wave().write(to: URL(filePath: file).deletingLastPathComponent().appending(path: name))
    }
    if hasPrompts {
      let prompts = URL(filePath: file).deletingLastPathComponent().appending(path: "prompts")
      try FileManager.default.copyItem(at: URL(filePath: Self.repository("conf/prompts/")), to: prompts)
    }
    return try GatewayConfiguration.load(ConfigurationSource(file: file))
  }

  @Test("the shipped file loads, with one trunk and one rule")
  func shippedFileLoads() throws {
    let configuration = try GatewayConfiguration.load(ConfigurationSource(file: Self.path))
    #expect(configuration.trunks.map(\.name) == ["local"])
    #expect(configuration.rules.map(\.name) == ["lobby"])
    #expect(configuration.addresses.providers.keys.sorted() == ["telnyx", "twilio"])
  }

  @Test("the shipped file loads with every setting in it switched on")
  func everySettingLoads() throws {
    let configuration = try load(uncommented())
    #expect(configuration.trunks.map(\.name) == ["local", "twilio", "everything"])
    #expect(configuration.trunks[2].authPassword == "change-me")
    #expect(configuration.rules.count == 5)
    #expect(configuration.outbound.trunks.map(\.name) == ["everything-out"])
    #expect(configuration.webhook.urls.map(\.absoluteString) == ["http://127.0.0.1:8080/events"])
  }

  @Test("the file of server mode loads, as it is and with every setting in it switched on")
  func serverFileLoads() throws {
    let text = try String(contentsOfFile: Self.repository("conf/server.yaml"), encoding: .utf8)
    let plain = try #require(try load(text).server)
    #expect(
      plain.url.description == "ws://127.0.0.1:7880" && plain.authorityFile == nil && plain.reconnectPrompt == nil)
    // Shown with an example value.
    let settings = Self.uncommented(text) { $0 != "ws_ca_file" && $0 != "nat_1_to_1_ip" }
    let full = try load(settings, hasPrompts: false)
    #expect(full.server?.reconnectTimeout == plain.reconnectTimeout, "the default that it names")
    #expect(full.server?.reconnectPrompt != nil && full.trunks.map(\.name) == ["local", "twilio"])
    #expect(full.warnings.isEmpty, "\(full.warnings)")
  }

  @Test("every key that the parser knows stands in a shipped file")
  func everyKeyIsDocumented() throws {
    var documented = keys(of: try #require(try Yams.compose(yaml: uncommented())), path: "")
    for other in Self.others {
      let text = Self.uncommented(try String(contentsOfFile: Self.repository(other), encoding: .utf8))
      documented.formUnion(keys(of: try #require(try Yams.compose(yaml: text)), path: ""))
    }
    let missing = Set(GatewayConfiguration.knownKeys).subtracting(documented)
    #expect(missing.sorted() == [])
    #expect(GatewayConfiguration.knownKeys.count > 100)
  }

  @Test("every default that the shipped file names is the default")
  func namedDefaultsAreTheDefaults() throws {
    // Shown with an example value, as the prose beside them says.
    let examples: Set<Substring> = [
      "api_key", "api_secret", "sip_port_listen", "nat_1_to_1_ip", "local_net", "media_nat_1_to_1_ip", "media_loops",
      "node_ip", "dns_server", "outbound_route_headers", "webhook", "urls", "no_agent_announcement",
      "prompts", "enter_pin", "wrong_pin", "room_join",
    ]
    let settings = uncommented { !examples.contains($0) }.components(separatedBy: "\ninbound_trunks:")[0]
    var configuration = try load(settings, hasPrompts: false)
    configuration.file = nil
    configuration.addresses = AddressTable()
    #expect(configuration == GatewayConfiguration())
  }

  private func keys(of node: Node, path: String) -> Set<String> {
    var result: Set<String> = []
    if let items = node.sequence {
      for item in items { result.formUnion(keys(of: item, path: path + "[]")) }
    }
    for (key, value) in node.mapping ?? [:] {
      let name = Section.snakeCase(key.string ?? "")
      let inner = path.isEmpty ? name : "\(path).\(name)"
      result.insert(inner)
      result.formUnion(keys(of: value, path: inner))
    }
    return result
  }
}

/// A file of its own directory, with copies of what it needs beside it. Left to the system's clean-up.
func temporaryFile(_ text: String, named name: String, beside others: String...) throws -> String {
  let directory = FileManager.default.temporaryDirectory.appending(path: "trunkline-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  for other in others {
    let source = URL(filePath: other)
    try FileManager.default.copyItem(at: source, to: directory.appending(path: source.lastPathComponent))
  }
  let file = directory.appending(path: name)
  try text.write(to: file, atomically: true, encoding: .utf8)
  return file.path
}
