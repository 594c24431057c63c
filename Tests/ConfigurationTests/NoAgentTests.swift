import Configuration
import Foundation
import Telephony
import Testing

/// `no_agent` and the recorded sentence that belongs to it.
@Suite struct NoAgentTests {
  /// A WAV file of silence, or of one loud tone.
  static func wave(
    channels: UInt16 = 1, rateHz: UInt32 = 8_000, bits: UInt16 = 16, code: UInt16 = 1, sampleCount: Int = 800
  ) -> Data {
    func bytes<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    let size = UInt32(sampleCount * Int(channels) * Int(bits) / 8)
    var file: [UInt8] = Array("RIFF".utf8) + bytes(36 + size) + Array("WAVEfmt ".utf8) + bytes(UInt32(16))
    file += bytes(code) + bytes(channels) + bytes(rateHz)
    file += bytes(rateHz * UInt32(channels) * UInt32(bits / 8)) + bytes(channels * bits / 8) + bytes(bits)
    file += Array("data".utf8) + bytes(size)
    return Data(file + Array(repeating: 1, count: Int(size)))
  }

  private static func load(_ text: String, _ files: [String: Data] = [:]) throws -> GatewayConfiguration {
    let path = try temporaryFile(text, named: "trunkline.yaml")
    for (name, data) in files {
      try data.write(to: URL(filePath: path).deletingLastPathComponent().appending(path: name))
    }
    return try GatewayConfiguration.load(ConfigurationSource(file: path))
  }

  private static func problem(_ text: String, _ files: [String: Data] = [:]) throws -> String {
    let error = #expect(throws: ConfigurationError.self) { try load(text, files) }
    return error?.description ?? ""
  }

  @Test("the gateway, a trunk and a rule each say what is done without an agent")
  func levels() throws {
    let configuration = try Self.load(
      """
      no_agent: announce
      no_agent_timeout: 30s
      no_agent_announcement: sorry.wav
      inbound_trunks: [{name: t, numbers: ["+15550100"], no_agent: busy}]
      dispatch_rules:
        - name: r
          rule: {dispatchRuleDirect: {roomName: lobby}}
          no_agent: announce
          no_agent_timeout: 0
          no_agent_announcement: closed.wav
      """, ["sorry.wav": Self.wave(), "closed.wav": Self.wave(rateHz: 16_000, sampleCount: 1_600)])
    let policy = configuration.dispatch.policy
    #expect(policy.noAgent == .announce && policy.noAgentTimeout == .seconds(30))
    #expect(configuration.trunks[0].call.noAgent == .busy)
    let rule = configuration.rules[0].call
    #expect(rule.noAgent == .announce && rule.noAgentTimeout == .zero)
    #expect(rule.noAgentAnnouncement != policy.noAgentAnnouncement)
    // A tenth of a second each at the phones' rate, and the pause behind it.
    for name in [policy.noAgentAnnouncement, rule.noAgentAnnouncement ?? ""] {
      let samples = try #require(configuration.announcements[name])
      #expect(samples.count == 800 + 2_400)
      #expect(samples.suffix(2_400).allSatisfy { $0 == 0 } && samples[400] > 200)
    }
  }

  @Test("a rule may announce what the gateway's sentence is")
  func inherited() throws {
    let configuration = try Self.load(
      """
      no_agent_announcement: sorry.wav
      dispatch_rules: [{name: r, rule: {dispatchRuleDirect: {roomName: lobby}}, no_agent: announce}]
      """, ["sorry.wav": Self.wave()])
    #expect(configuration.rules[0].call.noAgent == .announce)
    #expect(configuration.dispatch.policy.noAgent == .ring)
  }

  @Test("to announce there must be something to say")
  func nothingToSay() throws {
    let expected = "no_agent: \"announce\": expected `no_agent_announcement` beside it or at the top level"
    #expect(try Self.problem("no_agent: announce").hasSuffix(":1: " + expected))
    #expect(
      try Self.problem("dispatch_rules: [{name: r, rule: {dispatchRuleDirect: {roomName: a}}, no_agent: announce}]")
        .contains("dispatch_rules[0]." + expected))
  }

  @Test(
    "a sentence that cannot be played is refused with its reason",
    arguments: [
      (wave(channels: 2), "has 2 channels"), (wave(rateHz: 96_000), "is at 96000 Hz"),
      (wave(bits: 8, code: 7), "has 8 bits a sample"), (wave(sampleCount: 0), "holds no sound"),
      (wave(bits: 24), "expected 16-bit PCM, A-law or µ-law, found format 1 of 24 bits"),
      (Data("text".utf8), "is no WAV file"), (wave(sampleCount: 8_000 * 302), "is longer"), (nil, "cannot be opened"),
    ] as [(Data?, String)])
  func unplayable(file: Data?, reason: String) throws {
    let problem = try Self.problem("no_agent_announcement: a.wav", file.map { ["a.wav": $0] } ?? [:])
    #expect(
      problem.contains(
        ":1: no_agent_announcement: \"a.wav\": expected a WAV file: one channel, 16-bit PCM, 8 to 48 kHz, at most 300 s; "
      ))
    #expect(problem.hasSuffix("a.wav " + reason))
  }

  @Test("what is done is one of three things, after a time")
  func formats() throws {
    #expect(try Self.problem("no_agent: sing").hasSuffix("no_agent: \"sing\": expected ring, busy or announce"))
    #expect(
      try Self.problem("no_agent_timeout: -1").contains("no_agent_timeout: \"-1\": expected a time from 0s to 1h"))
  }

  @Test("calls out know none of this")
  func callsOut() throws {
    #expect(
      try Self.problem("outbound_trunks: [{name: o, address: example.com, numbers: ['+15550100'], no_agent: busy}]")
        .contains("no_agent: unknown key"))
  }
}
