import LiveKitProtocol
import SwiftProtobuf
import Telephony
import Testing

@testable import API

@Suite struct RuleTests {
  let gateway: TestGateway

  init() throws { gateway = try TestGateway() }

  func created(_ json: String) async throws -> Livekit_SIPDispatchRuleInfo {
    let response = await gateway.post("CreateSIPDispatchRule", json)
    guard response.status == 200 else { throw Refused(response) }
    return try ProtobufJSON.decode(Livekit_SIPDispatchRuleInfo.self, from: response.body)
  }

  @Test(
    "a rule is made from the older form and from the newer",
    arguments: [
      #"{"rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}}, "trunkIds": ["ST_a"], "name": "n", "#
        + #""inboundNumbers": ["+44*"], "attributes": {"a": "b"}, "roomConfig": {"agents": [{"agentName": "x"}]}}"#,
      #"{"dispatch_rule": {"rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}}, "trunkIds": ["ST_a"], "#
        + #""name": "n", "inboundNumbers": ["+44*"], "attributes": {"a": "b"}, "#
        + #""roomConfig": {"agents": [{"agentName": "x"}]}}}"#,
    ])
  func forms(json: String) async throws {
    let rule = try await created(json)
    #expect(rule.sipDispatchRuleID.hasPrefix("SDR_") && rule.hasCreatedAt && rule.name == "n")
    let inForce = try #require(gateway.snapshots.last?.rules.first)
    #expect(inForce.kind == .individual(roomPrefix: "call-") && inForce.trunkIDs == ["ST_a"])
    #expect(inForce.inboundNumbers == ["+44*"] && inForce.attributes == ["a": "b"])
    #expect(inForce.roomConfiguration?.agents.map(\.agentName) == ["x"])
  }

  static let refused: [(String, String)] = [
    (#"{}"#, "rule: expected one of"), (#"{"dispatch_rule": {"name": "x"}}"#, "rule: expected one of"),
    (#"{"dispatch_rule": {"sip_dispatch_rule_id": "SDR_a", "rule": {"dispatch_rule_callee": {}}}}"#, "expected none"),
    (#"{"name": "x", "dispatch_rule": {"rule": {"dispatch_rule_callee": {}}}}"#, "expected either"),
    (#"{"rule": {"dispatch_rule_direct": {}}}"#, "room_name: expected a room's name"),
    (#"{"rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "12x"}}}"#, "pin: expected at most 16 digits"),
    (#"{"rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "12345678901234567"}}}"#, "pin"),
    (#"{"rule": {"dispatch_rule_callee": {}}, "room_preset": "x"}"#, "room_preset"),
    (#"{"rule": {"dispatch_rule_callee": {}}, "room_config": {"egress": {}}}"#, "room_config.egress"),
    (
      #"{"rule": {"dispatch_rule_callee": {}}, "room_config": {"sync_streams": true}}"#, "room_config.min_playout_delay"
    ),
    (#"{"rule": {"dispatch_rule_callee": {}}, "trunk_ids": [""]}"#, "trunk_ids"),
    // What the rooms of its calls would not take.
    (#"{"rule": {"dispatch_rule_callee": {"room_prefix": "\#(long(129))"}}}"#, "room_prefix: expected at most 128"),
    (#"{"rule": {"dispatch_rule_callee": {}}, "metadata": "\#(long(64_001))"}"#, "metadata: expected at most 64000"),
    (
      #"{"rule": {"dispatch_rule_callee": {}}, "attributes": {\#((0..<9).map { "\"\($0)\": \"\(long(4000))\"" }.joined(separator: ", "))}}"#,
      "attributes: expected at most 32000 bytes together"
    ),
    (
      #"{"rule": {"dispatch_rule_callee": {}}, "room_config": {"agents": [{"restart_policy": 7}]}}"#,
      "room_config.agents.restart_policy: there is no value 7"
    ),
    (
      #"{"dispatch_rule": {"rule": {"dispatch_rule_callee": {}}, "trunk_ids": [\#(list("ST_", 101))], "#
        + #""numbers": [\#(list("+1", 100))]}}"#, "numbers: expected at most 10000 combinations"
    ),
  ]

  private static func long(_ count: Int) -> String { String(repeating: "x", count: count) }

  private static func list(_ prefix: String, _ count: Int) -> String {
    (0..<count).map { "\"\(prefix)\(1000 + $0)\"" }.joined(separator: ",")
  }

  @Test("a rule that cannot stay so is refused with its field", arguments: refused)
  func refusing(json: String, message: String) async {
    let response = await gateway.post("CreateSIPDispatchRule", json)
    #expect(response.status == 400 && response.refusal.msg.contains(message), "\(response.refusal.msg)")
  }

  @Test("two rules between which nothing decides are a conflict; a PIN decides")
  func conflicts() async throws {
    let rule = #""rule": {"dispatch_rule_direct": {"room_name": "a"}}, "trunk_ids": ["ST_a"]"#
    _ = try await created(#"{"name": "first", \#(rule)}"#)
    let response = await gateway.post("CreateSIPDispatchRule", #"{"name": "second", \#(rule)}"#)
    #expect(response.refusal.code == "invalid_argument" && response.refusal.msg.contains("first"))
    _ = try await created(
      #"{"rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "1234"}}, "trunk_ids": ["ST_a"]}"#)
  }

  @Test("an update changes what it names; an attribute with an empty value goes")
  func update() async throws {
    let rule = try await created(
      #"{"rule": {"dispatch_rule_direct": {"room_name": "a"}}, "attributes": {"keep": "1", "drop": "2"}, "name": "n"}"#)
    var request = Livekit_UpdateSIPDispatchRuleRequest()
    request.sipDispatchRuleID = rule.sipDispatchRuleID
    request.update.attributes = ["drop": "", "add": "3"]
    request.update.trunkIds.set = ["ST_b"]
    let updated: Livekit_SIPDispatchRuleInfo = try await gateway.ask("UpdateSIPDispatchRule", request)
    #expect(updated.attributes == ["keep": "1", "add": "3"] && updated.trunkIds == ["ST_b"] && updated.name == "n")
    #expect(updated.rule.dispatchRuleDirect.roomName == "a")
    let response = await gateway.post(
      "DeleteSIPDispatchRule", #"{"sip_dispatch_rule_id": "\#(rule.sipDispatchRuleID)"}"#)
    #expect(response.status == 200 && response.text.contains(#""room_name":"a""#))
    #expect(gateway.snapshots.last?.rules == [])
  }

  @Test("a rule whose trunk is not there is made, and told of")
  func missingTrunk() async {
    let response = await gateway.post(
      "CreateSIPDispatchRule", #"{"rule": {"dispatch_rule_callee": {}}, "trunk_ids": ["ST_nobody"]}"#)
    #expect(response.status == 200 && response.warnings.count == 1)
    #expect(response.warnings.first?.contains("names a trunk that is not there") == true)
  }

  @Test("what trunks and rules hold together is bounded; what becomes smaller is taken")
  func size() async throws {
    let gateway = try TestGateway(byteLimit: 10_000)
    let metadata = String(repeating: "m", count: 4000)
    func create(_ pin: Int) async -> TwirpResponse {
      await gateway.post(
        "CreateSIPDispatchRule",
        #"{"rule": {"dispatch_rule_direct": {"room_name": "a", "pin": "\#(pin)"}}, "metadata": "\#(metadata)"}"#)
    }
    let first = await create(1)
    #expect(first.status == 200)
    #expect(
      await gateway.post("CreateSIPInboundTrunk", #"{"trunk": {"numbers": ["+1"], "metadata": "\#(metadata)"}}"#).status
        == 200)
    let third = await create(2)
    #expect(third.refusal.code == "resource_exhausted" && third.refusal.msg.hasSuffix("expected at most 10000"))
    let id = try ProtobufJSON.decode(Livekit_SIPDispatchRuleInfo.self, from: first.body).sipDispatchRuleID
    func update(_ metadata: String) async -> Int {
      await gateway.post(
        "UpdateSIPDispatchRule", #"{"sip_dispatch_rule_id": "\#(id)", "update": {"metadata": "\#(metadata)"}}"#
      ).status
    }
    #expect(await update(metadata + metadata) == 429)
    #expect(await update("less") == 200)
    #expect(await create(2).status == 200)
    #expect(gateway.snapshots.last?.rules.count == 2)
  }
}
