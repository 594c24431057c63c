import ArgumentParser
import Base
import Configuration
import LiveKitProtocol
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
    ])
  func taking(_ arguments: [String]) throws {
    _ = try Trunkline.parseAsRoot(arguments)
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
}
