import LiveKitProtocol
import SwiftProtobuf
import Telephony
import Testing

@testable import API

@Suite struct TrunkTests {
  let gateway: TestGateway

  init() throws { gateway = try TestGateway() }

  func create(
    _ complete: (inout Livekit_SIPInboundTrunkInfo) -> Void
  ) async throws -> Livekit_SIPInboundTrunkInfo {
    var request = Livekit_CreateSIPInboundTrunkRequest()
    request.trunk = .init()
    complete(&request.trunk)
    return try await gateway.ask("CreateSIPInboundTrunk", request)
  }

  func update(
    _ id: String, _ complete: (inout Livekit_UpdateSIPInboundTrunkRequest) -> Void
  ) async throws -> Livekit_SIPInboundTrunkInfo {
    var request = Livekit_UpdateSIPInboundTrunkRequest()
    request.sipTrunkID = id
    complete(&request)
    return try await gateway.ask("UpdateSIPInboundTrunk", request)
  }

  static let refused: [(String, String)] = [
    (#"{}"#, "takes calls from anyone"),
    (#"{"sip_trunk_id": "ST_a", "numbers": ["+1555"]}"#, "sip_trunk_id: expected none"),
    (#"{"numbers": [""]}"#, "numbers: expected entries of 1"),
    (#"{"numbers": ["+1555"], "allowed_addresses": ["10.0.0.0/99"]}"#, "allowed_addresses: \"10.0.0.0/99\""),
    (#"{"numbers": ["+1555"], "allowed_addresses": ["sip:a@b"]}"#, "allowed_addresses"),
    (#"{"numbers": ["+1555"], "allowed_addresses": ["provider:nobody"]}"#, "the providers file has no such name"),
    (#"{"numbers": ["+1555"], "headers": {"Call-ID": "x"}}"#, "headers: the SIP stack writes Call-ID itself"),
    (#"{"numbers": ["+1555"], "headers": {"X Y": "x"}}"#, "headers: \"X Y\" is no header name"),
    (#"{"numbers": ["+1555"], "headers": {"X-Y": "a\r\nb"}}"#, "headers: the value of X-Y"),
    (#"{"numbers": ["+1555"], "headers_to_attributes": {"": "x"}}"#, "headers_to_attributes"),
    (#"{"numbers": ["+1555"], "attributes_to_headers": {"x": ":"}}"#, "attributes_to_headers"),
    (#"{"numbers": ["+1555"], "auth_realm": "a\"b"}"#, "auth_realm"),
    (#"{"numbers": ["+1555"], "ringing_timeout": "3601s"}"#, "ringing_timeout: expected a time from 0s to 3600s"),
    (#"{"numbers": ["+1555"], "ringing_timeout": "-1s"}"#, "ringing_timeout"),
    (#"{"numbers": ["+1555"], "max_call_duration": "99999999s"}"#, "max_call_duration"),
    (#"{"numbers": ["+1555"], "include_headers": 9}"#, "include_headers: there is no value 9"),
    (#"{"numbers": ["+1555"], "media": {"codecs": [{"name": "PCMU/8000"}]}}"#, "media.codecs"),
    (#"{"numbers": ["+1555"], "media": {"codecs": [{"name": "G729"}], "only_listed_codecs": true}}"#, "leaves none of"),
    (#"{"numbers": ["+1555"], "media": {"media_timeout": "601s"}}"#, "media.media_timeout"),
    (#"{"numbers": ["+1555"], "media_encryption": 2}"#, "media_encryption: encryption of the phone leg"),
    (#"{"numbers": ["+1555"], "ringing_timeout_status": 486}"#, "ringing_timeout_status"),
  ]

  @Test("an inbound trunk that cannot stay so is refused with its field", arguments: refused)
  func refusing(trunk: String, message: String) async {
    let response = await gateway.post("CreateSIPInboundTrunk", #"{"trunk": \#(trunk)}"#)
    #expect(response.status == 400 && response.refusal.code == "invalid_argument")
    #expect(response.refusal.msg.contains(message), "\(response.refusal.msg)")
    #expect(gateway.snapshots.isEmpty)
  }

  static let refusedOutbound: [(String, String)] = [
    (#"{"numbers": ["+1"]}"#, "address: no address"), (#"{"address": "example.com"}"#, "numbers: no number"),
    (#"{"address": "sip:example.com", "numbers": ["+1"]}"#, "address"),
    (#"{"address": "a@example.com", "numbers": ["+1"]}"#, "address"),
    (#"{"address": "example.com;transport=tcp", "numbers": ["+1"]}"#, "address"),
    (#"{"address": "example.com", "from_host": "sip:x", "numbers": ["+1"]}"#, "from_host"),
    (#"{"address": "example.com", "transport": "SIP_TRANSPORT_TLS", "numbers": ["+1"]}"#, "transport"),
    (#"{"address": "example.com", "transport": 7, "numbers": ["+1"]}"#, "transport: there is no value 7"),
    (#"{"address": "example.com", "auth_username": "a", "numbers": ["+1"]}"#, "auth_username"),
    (#"{"address": "example.com", "destination_country": "ZZ", "numbers": ["+1"]}"#, "destination_country"),
  ]

  @Test("an outbound trunk that cannot stay so is refused with its field", arguments: refusedOutbound)
  func refusingOutbound(trunk: String, message: String) async {
    let response = await gateway.post("CreateSIPOutboundTrunk", #"{"trunk": \#(trunk)}"#)
    #expect(response.status == 400 && response.refusal.code == "invalid_argument")
    #expect(response.refusal.msg.hasPrefix(message), "\(response.refusal.msg)")
  }

  @Test("a request without its trunk, and an update without an action, are refused")
  func empty() async {
    for method in ["CreateSIPInboundTrunk", "CreateSIPOutboundTrunk", "UpdateSIPInboundTrunk", "UpdateSIPDispatchRule"]
    {
      #expect(await gateway.post(method, "{}").refusal.code == "invalid_argument")
    }
  }

  @Test("what was created is in force, keeps its password, and has an id and times")
  func created() async throws {
    let trunk = try await create {
      $0.name = "office"
      $0.numbers = ["+15550100"]
      $0.authUsername = "me"
      $0.authPassword = "secret"
      $0.ringingTimeout.seconds = 40
    }
    #expect(trunk.sipTrunkID.hasPrefix("ST_") && trunk.sipTrunkID.count == 15)
    #expect(trunk.createdAt == trunk.updatedAt || trunk.updatedAt.seconds > trunk.createdAt.seconds)
    #expect(trunk.authPassword == "secret")
    let inForce = try #require(gateway.snapshots.last?.inboundTrunks.first)
    #expect(inForce.id == trunk.sipTrunkID && inForce.numbers == ["+15550100"] && inForce.requiresDigest)
    #expect(inForce.call.ringingTimeout == .seconds(40))
    var get = Livekit_GetSIPInboundTrunkRequest()
    get.sipTrunkID = trunk.sipTrunkID
    let got: Livekit_GetSIPInboundTrunkResponse = try await gateway.ask("GetSIPInboundTrunk", get)
    #expect(got.trunk == trunk)
  }

  @Test("replace takes everything but the id and the time of creation; update only what it names")
  func updates() async throws {
    let trunk = try await create {
      $0.name = "office"
      $0.numbers = ["+15550100", "+15550101"]
      $0.metadata = "old"
    }
    let updated = try await update(trunk.sipTrunkID) {
      $0.update.numbers.add = ["+15550102", "+15550100"]
      $0.update.numbers.remove = ["+15550101"]
      $0.update.metadata = ""
      $0.update.allowedAddresses.set = ["10.0.0.1"]
    }
    #expect(updated.numbers == ["+15550100", "+15550102"] && updated.metadata == "" && updated.name == "office")
    #expect(updated.allowedAddresses == ["10.0.0.1"] && updated.createdAt == trunk.createdAt)
    #expect(updated.updatedAt.seconds > trunk.updatedAt.seconds)
    let replaced = try await update(trunk.sipTrunkID) { $0.replace.numbers = ["+15550109"] }
    #expect(replaced.name == "" && replaced.numbers == ["+15550109"] && replaced.sipTrunkID == trunk.sipTrunkID)
    #expect(replaced.createdAt == trunk.createdAt)
    #expect(gateway.snapshots.last?.inboundTrunks.map(\.numbers) == [["+15550109"]])
  }

  @Test(
    "lists are set, cleared, or added to and taken from",
    arguments: [
      (["set": ["a"]], ["a"]), (["add": ["c", "c", "a"]], ["a", "b", "c"]), (["remove": ["a", "x"]], ["b"]),
      (["add": ["a"], "remove": ["a"]], ["b", "a"]), ([:], ["a", "b"]),
    ] as [([String: [String]], [String])])
  func listUpdates(change: [String: [String]], result: [String]) throws {
    var update = Livekit_ListUpdate()
    update.set = change["set"] ?? []
    update.add = change["add"] ?? []
    update.remove = change["remove"] ?? []
    #expect(try update.applied(to: ["a", "b"], "numbers") == result)
  }

  @Test("a list takes no more changes at a time than it has entries")
  func longUpdates() async throws {
    let made = await gateway.post("CreateSIPInboundTrunk", #"{"trunk": {"numbers": ["+15550100"]}}"#)
    let trunk = try ProtobufJSON.decode(Livekit_SIPInboundTrunkInfo.self, from: made.body)
    for change in [\Livekit_ListUpdate.set, \.add, \.remove] as [WritableKeyPath<Livekit_ListUpdate, [String]>] {
      var request = Livekit_UpdateSIPInboundTrunkRequest()
      request.sipTrunkID = trunk.sipTrunkID
      request.update.numbers[keyPath: change] = (0..<100_000).map { "\($0)" }
      await #expect {
        let _: Livekit_SIPInboundTrunkInfo = try await gateway.ask("UpdateSIPInboundTrunk", request)
      } throws: { ($0 as? Refused)?.msg == "numbers: expected at most 1000 entries" }
    }
  }

  @Test("a list is cleared, but not in the same breath as set or added to")
  func listClear() throws {
    var update = Livekit_ListUpdate()
    update.clear = true
    #expect(try update.applied(to: ["a"], "numbers") == [])
    update.add = ["b"]
    #expect(throws: TwirpError.self) { try update.applied(to: ["a"], "numbers") }
    update.clear = false
    update.set = ["c"]
    #expect(throws: TwirpError.self) { try update.applied(to: ["a"], "numbers") }
  }

  @Test("a trunk that takes calls of another is refused, and both are named")
  func conflicts() async throws {
    _ = try await create {
      $0.name = "first"
      $0.numbers = ["+15550100"]
    }
    let second = try await create {
      $0.name = "second"
      $0.numbers = ["+15550101"]
    }
    for body in [
      #"{"trunk": {"name": "third", "numbers": ["(1) 555-0100"]}}"#,
      #"{"trunk": {"name": "third", "numbers": ["+1555*"]}}"#,
    ] {
      let response = await gateway.post("CreateSIPInboundTrunk", body)
      #expect(response.refusal.code == "invalid_argument")
      #expect(response.refusal.msg.contains("and third both take calls"))
    }
    await #expect {
      _ = try await update(second.sipTrunkID) { $0.update.numbers.add = ["+15550100"] }
    } throws: { error in
      (error as? Refused)?.code == "invalid_argument"
    }
    // Its own numbers in another spelling are no conflict.
    _ = try await update(second.sipTrunkID) { $0.update.numbers.add = ["1 555 0101"] }
    // Callers tell them apart.
    _ = try await create {
      $0.numbers = ["+15550199"]
      $0.allowedNumbers = ["+44*"]
    }
    _ = try await create {
      $0.numbers = ["+15550199"]
      $0.allowedNumbers = ["+49*"]
    }
  }

  @Test("what is not there is not found")
  func notFound() async {
    for (method, body) in [
      ("GetSIPInboundTrunk", #"{"sip_trunk_id": "ST_x"}"#), ("GetSIPOutboundTrunk", #"{"sip_trunk_id": "ST_x"}"#),
      ("UpdateSIPInboundTrunk", #"{"sip_trunk_id": "ST_x", "update": {"name": "a"}}"#),
      ("DeleteSIPTrunk", #"{"sip_trunk_id": "ST_x"}"#),
      ("DeleteSIPDispatchRule", #"{"sip_dispatch_rule_id": "SDR_x"}"#),
    ] {
      let response = await gateway.post(method, body)
      #expect(response.status == 404 && response.refusal.code == "not_found", "\(method)")
    }
    #expect(await gateway.post("GetSIPInboundTrunk", "{}").refusal.code == "invalid_argument")
  }

  @Test("a trunk is deleted by its id alone, whichever way its calls go")
  func deletes() async throws {
    let inbound = try await create { $0.numbers = ["+15550100"] }
    let made = await gateway.post(
      "CreateSIPOutboundTrunk", #"{"trunk": {"address": "example.com", "numbers": ["+1"]}}"#)
    let outbound = try ProtobufJSON.decode(Livekit_SIPOutboundTrunkInfo.self, from: made.body)
    for (id, kind) in [(inbound.sipTrunkID, "TRUNK_INBOUND"), (outbound.sipTrunkID, "TRUNK_OUTBOUND")] {
      let response = await gateway.post("DeleteSIPTrunk", #"{"sip_trunk_id": "\#(id)"}"#)
      #expect(response.status == 200 && response.text.contains(kind))
      #expect(await gateway.post("DeleteSIPTrunk", #"{"sip_trunk_id": "\#(id)"}"#).status == 404)
    }
    #expect(gateway.snapshots.last == CatalogSnapshot())
  }

  @Test("what the store does not take is not in force, and the client learns it")
  func brokenStore() async throws {
    let broken = try TestGateway(isBroken: true)
    let response = await broken.post("CreateSIPInboundTrunk", #"{"trunk": {"numbers": ["+15550100"]}}"#)
    #expect(response.status == 500 && response.refusal.code == "internal")
    #expect(await broken.post("ListSIPInboundTrunk", "{}").text == #"{"items":[]}"#)
    #expect(broken.snapshots.isEmpty)
  }

  @Test("what is likely not meant is done, and told of")
  func warnings() async {
    let response = await gateway.post(
      "CreateSIPInboundTrunk", #"{"trunk": {"numbers": ["+15550100"], "auth_username": "me"}}"#)
    #expect(response.status == 200 && response.warnings.count == 1)
  }
}
