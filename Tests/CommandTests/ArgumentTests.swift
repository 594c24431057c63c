import ArgumentParser
import Base
import Configuration
import Foundation
import LiveKitProtocol
import Phone
import SDP
import SIP
import Telephony
import Testing

@testable import trunkline

@Suite struct ArgumentTests {
  static let mistakes = [
    ["token", "create", "--identity", "a"],
    ["token", "create", "--room", "r"],
    ["token", "create", "--room", "r", "--identity", ""],
    ["token", "create", "--room", "r", "--identity", "a", "--ttl", "long"],
    ["token", "create", "--identity", "a", "--agent", "--room-admin"],
    ["explain"],
    ["explain", "--from", "1", "--to", "2"],
    ["explain", "--from", "1", "--to", "2", "--source", "here"],
    ["explain", "--invite", "a", "--pcap", "b"],
    ["replay", "a.pcap"],
    ["replay", "a.pcap", "--to", "127.0.0.1:5060", "--transport", "tls"],
    ["serve", "now"],
    ["dial"],
    ["dial", "sip:a@b", "--tone", "5000"],
    ["dial", "sip:a@b", "--tone", "440", "--play", "a.wav"],
    ["dial", "sip:a@b", "--codec", "g722"],
    ["dial", "sip:a@b", "--packet-time", "25"],
    ["dial", "sip:a@b", "--transport", "tls"],
    ["dial", "sip:a@b", "--source", "here"],
    ["dial", "sip:a@b", "--duration", "0"],
    ["dial", "sip:a@b", "--username", "a"],
    ["dial", "sip:a@b", "--header", "no colon"],
    ["sip", "inbound", "create"],
    ["sip", "inbound", "update", "ST_a"],
    ["sip", "dispatch", "delete"],
    ["sip", "participant", "transfer", "--room", "r", "--identity", "i"],
    ["sip", "participant", "transfer", "--room", "r", "--identity", "i", "--to", "tel:+1", "--ring-timeout", "long"],
    ["room", "remove", "lobby"],
    ["room", "send-data", "lobby"],
    ["dispatch", "create", "lobby"],
    ["call", "show"],
  ]

  @Test("arguments that make no sense are refused before anything is done", arguments: mistakes)
  func refusing(_ arguments: [String]) {
    #expect(throws: (any Error).self) { try Trunkline.parseAsRoot(arguments) }
  }

  @Test(
    "what the help shows is taken",
    arguments: [
      ["token", "create", "--room", "lobby", "--identity", "helper", "--agent", "--ttl", "24h"],
      ["token", "create", "--identity", "ops", "--sip-admin", "--sip-call"],
      ["explain", "--from", "+15550123", "--to", "+15550100", "--source", "54.172.60.1"],
      ["explain", "--pcap", "failing.pcap", "--json"],
      ["replay", "failing.pcap", "--to", "127.0.0.1:5060", "--fast", "--json"],
      ["serve", "--config", "conf/trunkline.yaml", "--check"],
      ["dial", "sip:+15550100@127.0.0.1;transport=tcp", "--tone", "440"],
      ["dial", "sip:+15550100@127.0.0.1", "--digits", "1w23#", "--duration", "10"],
      ["token", "create", "--identity", "ops", "--room-create", "--room-list"],
      ["sip", "inbound", "create", "-", "--json"],
      ["sip", "outbound", "update", "ST_a", "{}", "--url", "http://127.0.0.1:7880"],
      ["sip", "participant", "create", "--trunk", "ST_a", "--call", "+15550100", "--room", "lobby", "--wait"],
      ["room", "send-data", "lobby", "text", "--to", "a", "--to", "b", "--lossy"],
      ["dispatch", "delete", "lobby", "AD_a"],
      ["call", "list", "--room", "lobby"],
    ])
  func taking(_ arguments: [String]) throws {
    _ = try Trunkline.parseAsRoot(arguments)
  }
}

@Suite struct DialOptionsTests {
  @Test("arguments become what the phone is told")
  func everything() throws {
    let command = try #require(
      try Trunkline.parseAsRoot([
        "dial", "sip:a@b", "--from", "+15550123", "--tone", "440", "--digits", "1#", "--record", "r.wav", "--duration",
        "1m", "--codec", "PCMA", "--packet-time", "30", "--transport", "TCP", "--source", "127.0.0.1", "--username",
        "u", "--password", "p", "--header", "X-A: b: c", "--header", "X-B:d",
      ]) as? DialCommand)
    let options = try command.options()
    #expect(options.uri == "sip:a@b")
    #expect(options.from == "+15550123")
    #expect(options.sound == .tone(frequencyHz: 440))
    #expect(options.digits == "1#")
    #expect(options.recording == "r.wav")
    #expect(options.duration == .seconds(60))
    #expect(options.ringTimeout == .seconds(180))
    #expect(options.codec == .pcma)
    #expect(options.packetTime == 30)
    #expect(options.transport == .tcp)
    #expect(options.source == .loopbackV4)
    #expect(options.credentials?.username == "u")
    #expect(options.headers.map { "\($0.name)|\($0.value)" } == ["X-A|b: c", "X-B|d"])
  }
}

@Suite struct TokenRequestTests {
  @Test("a token says what was asked for, and our own verifier takes it")
  func grants() async throws {
    var request = TokenRequest(room: "lobby", identity: "a", name: "A", isAgent: true)
    request.mayManageRoom = true
    request.mayManageTrunks = true
    request.lifetime = .seconds(60)
    let key = APIKey(name: "k", secret: "a secret")
    let token = try await request.token(signedBy: key)
    let now = Int64(WallClock.now)
    let read = try await TokenVerifier(keys: ["k": "a secret"]).verify(token, unixSeconds: now)
    #expect(read.grants == request.grants)
    #expect(read.grants.kind == .agent)
    #expect(read.grants.video.mayJoin("lobby"))
    #expect(read.grants.video.mayAdminister("lobby"))
    #expect(read.grants.sip.mayAdminister)
    #expect(!read.grants.sip.mayCall)
    #expect((now + 50...now + 60).contains(read.expires))
  }

  @Test("a token without a room joins none")
  func withoutRoom() {
    let grants = TokenRequest(identity: "ops", mayCall: true).grants
    #expect(grants.video == VideoGrant())
    #expect(grants.sip.mayCall)
  }

  @Test("options of a call out go before what its file says")
  func participantRequest() throws {
    let json = #"{"sipCallTo": "+1", "roomName": "a", "playDialtone": true}"#
    let arguments = ["sip", "participant", "create", json, "--room", "b", "--wait"]
    let command = try #require(try Trunkline.parseAsRoot(arguments) as? ParticipantCreate)
    let request = try command.request()
    #expect(request.sipCallTo == "+1" && request.roomName == "b" && request.playDialtone && request.waitUntilAnswered)
  }

  @Test("a transfer's time may be a fraction of a second")
  func transferRequest() throws {
    let arguments = ["sip", "participant", "transfer", "--room", "a", "--identity", "b", "--to", "tel:+1"]
    for (text, json) in [("500ms", "0.500s"), ("1m", "60s")] {
      let command = try #require(
        try Trunkline.parseAsRoot(arguments + ["--ring-timeout", text]) as? ParticipantTransfer)
      #expect(try Output.json(command.request()).contains(#""ringing_timeout":"\#(json)""#))
    }
  }

  @Test("what comes from elsewhere cannot move a terminal's cursor, nor turn what is written")
  func terminal() {
    #expect("a\u{1B}[2J\nb\u{9B}1m\u{202E}c\u{2066}d\u{2028}é…".singleLine == "a [2J b 1m c d é…")
  }

  @Test("commands reach the gateway that options, environment and configuration name, in this order")
  func server() throws {
    let configuration = "keys: {file: filesecret}\nport: 7999\nbind_addresses: [0.0.0.0]"
    let options = ["--config-body", configuration]
    func client(_ arguments: [String], _ environment: [String: String]) throws -> TwirpClient {
      let command = try #require(try Trunkline.parseAsRoot(["room", "list"] + options + arguments) as? RoomList)
      return try command.server.client(environment: environment)
    }
    let local = try client([], [:])
    #expect(local.base.absoluteString == "http://127.0.0.1:7999" && local.key.name == "file")
    let environment = ["LIVEKIT_URL": "wss://a.example", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"]
    let remote = try client([], environment)
    #expect(remote.base.absoluteString == "https://a.example" && remote.key == APIKey(name: "k", secret: "s"))
    #expect(try client(["--url", "http://b"], environment).base.absoluteString == "http://b")
    #expect(throws: CommandFailure.self) { try client(["--api-key", "k"], [:]) }
    #expect(throws: CommandFailure.self) { try client(["--url", "ftp://b"], environment) }
  }
}
