import LiveKitProtocol
import SwiftProtobuf
import Telephony
import Testing

@testable import API

/// Trunks and rules of the configuration file beside those of the API.
@Suite struct FixedTests {
  static var fixed: FixedConfiguration {
    var fixed = FixedConfiguration()
    fixed.inboundTrunks = [
      .init(InboundTrunk(id: "ST_file", name: "file", numbers: ["+15550100"]), place: "trunkline.yaml:12")
    ]
    fixed.outboundTrunks = [
      .init(
        OutboundTrunk(id: "ST_out", address: SIPHostPort(host: "example.com"), numbers: ["+15550100"]),
        place: "trunkline.yaml:20")
    ]
    fixed.rules = [
      .init(
        DispatchRule(
          id: "SDR_file", name: "file rule", kind: .individual(roomPrefix: "call-"), trunkIDs: ["file"],
          roomConfiguration: RoomConfiguration(agents: [.init(agentName: "x", restartsOnFailure: false)])),
        place: "trunkline.yaml:30")
    ]
    return fixed
  }

  @Test("what the file has is shown, and changed there alone")
  func readOnly() async throws {
    let gateway = try TestGateway(fixed: Self.fixed)
    #expect(await gateway.post("ListSIPInboundTrunk", "{}").text.contains(#""sip_trunk_id":"ST_file""#))
    let rules = await gateway.post("ListSIPDispatchRule", "{}").text
    #expect(rules.contains(#""room_prefix":"call-""#) && rules.contains("JRP_NEVER"))
    for (method, body, place) in [
      ("UpdateSIPInboundTrunk", #"{"sip_trunk_id": "ST_file", "update": {"name": "a"}}"#, "trunkline.yaml:12"),
      ("UpdateSIPOutboundTrunk", #"{"sip_trunk_id": "ST_out", "replace": {}}"#, "trunkline.yaml:20"),
      ("DeleteSIPTrunk", #"{"sip_trunk_id": "ST_file"}"#, "trunkline.yaml:12"),
      ("DeleteSIPTrunk", #"{"sip_trunk_id": "ST_out"}"#, "trunkline.yaml:20"),
      ("DeleteSIPDispatchRule", #"{"sip_dispatch_rule_id": "SDR_file"}"#, "trunkline.yaml:30"),
    ] {
      let response = await gateway.post(method, body)
      #expect(response.status == 412 && response.refusal.code == "failed_precondition")
      #expect(response.refusal.msg.contains(place), "\(response.refusal.msg)")
    }
  }

  @Test("a message made of the file's trunk means that trunk again")
  func roundTrip() throws {
    let capabilities = PhoneCapabilities(codecs: ["PCMU/8000"], hasTLS: false, hasSRTP: false)
    let inbound = InboundTrunk(
      id: "ST_a", name: "n", metadata: "m", numbers: ["+1555*"], allowedAddresses: ["10.0.0.0/8", "host.example"],
      allowedNumbers: ["+44"], authUsername: "u", authPassword: "p", authRealm: "r", headers: ["X-A": "b"],
      headersToAttributes: ["X-B": "b"], attributesToHeaders: ["c": "X-C"], includeHeaders: .x, krispEnabled: true,
      media: MediaOptions(
        codecs: [.init(name: "PCMU", rateHz: 8000)], onlyListedCodecs: true, encryption: .allow,
        mediaTimeout: .seconds(20)),
      call: CallOverrides(ringingTimeout: .milliseconds(1500), maxCallDuration: .seconds(60)))
    #expect(
      try InboundTrunk(Livekit_SIPInboundTrunkInfo(inbound), providers: [], capabilities: capabilities) == inbound)
    let outbound = OutboundTrunk(
      id: "ST_b", name: "n", address: SIPHostPort(host: "example.com", port: 5070), transport: .tcp,
      numbers: ["+15550100"], authUsername: "u", authPassword: "p", headers: ["X-A": "b"],
      headersToAttributes: ["X-B": "b"], attributesToHeaders: ["c": "X-C"], includeHeaders: .all,
      destinationCountry: "US", fromHost: "gw.example.com")
    #expect(try OutboundTrunk(Livekit_SIPOutboundTrunkInfo(outbound), capabilities: capabilities) == outbound)
    let rule = DispatchRule(
      id: "SDR_a", name: "n", kind: .callee(roomPrefix: "p", pin: "12", randomize: true), trunkIDs: ["ST_a"],
      numbers: ["+1"], inboundNumbers: ["+44"], hidePhoneNumber: true, metadata: "m", attributes: ["a": "b"],
      roomConfiguration: RoomConfiguration(
        name: "c", emptyTimeout: .seconds(5), departureTimeout: .seconds(6), maxParticipants: 7, metadata: "m",
        agents: [.init(agentName: "x", metadata: "y", attributes: ["k": "v"], deployment: "d")], tags: ["t": "u"]),
      krispEnabled: true, media: MediaOptions(encryption: .disable))
    #expect(try DispatchRule(Livekit_SIPDispatchRuleInfo(rule), capabilities: capabilities) == rule)
  }

  @Test("what was stored and is not allowed any more is shown, told of, and not in force")
  func stored() async throws {
    var stored = StoredConfiguration()
    var conflicting = Livekit_SIPInboundTrunkInfo()
    conflicting.sipTrunkID = "ST_stored"
    conflicting.numbers = ["+15550100"]
    var taken = conflicting
    taken.sipTrunkID = "ST_file"
    var sound = conflicting
    sound.sipTrunkID = "ST_sound"
    sound.numbers = ["+15550155"]
    stored.inboundTrunks = [taken, sound, conflicting]
    let gateway = try TestGateway(stored: stored, fixed: Self.fixed)
    #expect(gateway.catalog.initial.inboundTrunks.map(\.id) == ["ST_file", "ST_sound"])
    #expect(gateway.catalog.problems.count == 2)
    #expect(gateway.catalog.problems.contains { $0.contains("ST_file") && $0.contains("trunkline.yaml:12") })
    #expect(gateway.catalog.problems.contains { $0.contains("ST_stored is not in force") })
    #expect(await gateway.post("GetSIPInboundTrunk", #"{"sip_trunk_id": "ST_stored"}"#).status == 200)
    // It can be mended.
    let mended = await gateway.post(
      "UpdateSIPInboundTrunk", #"{"sip_trunk_id": "ST_stored", "update": {"numbers": {"set": ["+15550177"]}}}"#)
    #expect(mended.status == 200)
    #expect(gateway.snapshots.last?.inboundTrunks.map(\.id) == ["ST_file", "ST_sound", "ST_stored"])
  }
}
