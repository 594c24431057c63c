import Base
import Foundation
import Telephony
import Testing

@testable import Configuration

/// What callers hear who must enter a PIN.
@Suite struct PromptTests {
  /// A configuration beside the prompts of this name, each of a sound of its own length.
  static func load(_ text: String, sounds: [String] = []) throws -> GatewayConfiguration {
    let file = try temporaryFile(text, named: "trunkline.yaml")
    let directory = URL(filePath: file).deletingLastPathComponent()
    for (index, name) in sounds.enumerated() {
      let path = directory.appending(path: name)
      try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try wave(sampleCount: 800 * (index + 1)).write(to: path)
    }
    return try GatewayConfiguration.load(ConfigurationSource(file: file))
  }

  /// 8 kHz, one channel, 16 bits.
  static func wave(sampleCount: Int) -> Data {
    var bytes = Data("RIFF".utf8)
    func append(_ value: Int, _ count: Int) {
      for shift in 0..<count { bytes.append(UInt8((value >> (8 * shift)) & 255)) }
    }
    append(36 + 2 * sampleCount, 4)
    bytes += Data("WAVEfmt ".utf8)
    for (value, count) in [(16, 4), (1, 2), (1, 2), (8000, 4), (16_000, 4), (2, 2), (16, 2)] { append(value, count) }
    bytes += Data("data".utf8)
    append(2 * sampleCount, 4)
    for index in 0..<sampleCount { append(index % 2000, 2) }
    return bytes
  }

  @Test("the shipped file finds the prompts that are shipped beside it")
  func shipped() throws {
    let configuration = try GatewayConfiguration.load(ConfigurationSource(file: ManualTests.path))
    let prompts = configuration.dispatch.policy.prompts
    #expect(prompts.keys.sorted { $0.rawValue < $1.rawValue } == [.enterPIN, .joiningRoom, .wrongPIN])
    for prompt in CallPrompt.allCases {
      let path = try #require(prompts[prompt])
      #expect(path.hasSuffix("conf/prompts/\(prompt.rawValue).wav"))
      let samples = try #require(configuration.announcements[path])
      #expect((8000...40_000).contains(samples.count))
      // The one that ends a call is cut at this.
      #expect(Double(samples.count) / 8000 < CallMachine.promptLimit.seconds)
    }
  }

  @Test("the top level, a trunk and a rule name their own; the rest comes from the directory prompts, if it is there")
  func overlaid() throws {
    let text = """
      prompts: {wrong_pin: own.wav}
      inbound_trunks: [{name: t, allowed_addresses: ["192.0.2.1"], prompts: {room_join: trunk.wav}}]
      dispatch_rules: [{rule: {dispatchRuleDirect: {roomName: r, pin: "0123"}}, prompts: {enterPin: rule.wav}}]
      """
    let sounds = ["own.wav", "trunk.wav", "rule.wav", "prompts/enter_pin.wav", "prompts/wrong_pin.wav"]
    let configuration = try Self.load(text, sounds: sounds)
    let policy = configuration.dispatch.policy
    #expect(policy.prompts.mapValues { $0.hasSuffix("/own.wav") } == [.enterPIN: false, .wrongPIN: true])
    #expect(try #require(policy.prompts[.enterPIN]).hasSuffix("/prompts/enter_pin.wav"))
    let final = policy.overlaid(by: configuration.trunks[0].call).overlaid(by: configuration.rules[0].call)
    #expect(configuration.rules[0].pin == "0123")
    for (prompt, name) in [(CallPrompt.enterPIN, "rule.wav"), (.wrongPIN, "own.wav"), (.joiningRoom, "trunk.wav")] {
      let path = try #require(final.prompts[prompt])
      #expect(path.hasSuffix("/" + name) && configuration.announcements[path] != nil)
    }
  }

  @Test("without the directory there is nothing to play, and a file in it that is no sound is refused")
  func missing() throws {
    #expect(try Self.load("port: 7880").dispatch.policy.prompts == [:])
    let file = try temporaryFile("port: 7880", named: "trunkline.yaml")
    let directory = URL(filePath: file).deletingLastPathComponent().appending(path: "prompts")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try Data("noise".utf8).write(to: directory.appending(path: "wrong_pin.wav"))
    #expect(throws: ConfigurationError.self) { try GatewayConfiguration.load(ConfigurationSource(file: file)) }
  }

  @Test("two rules for one room, one with a PIN, have ids of their own that do not give the PIN away")
  func identity() throws {
    func ids(_ pin: String) throws -> [String] {
      let rule = "{rule: {dispatchRuleDirect: {roomName: r"
      return try Self.load("dispatch_rules: [\(rule)}}}, \(rule), pin: '\(pin)'}}}]").rules.map(\.id)
    }
    #expect(try Set(ids("1")).count == 2)
    #expect(try ids("1") == ids("2"))
  }
}
