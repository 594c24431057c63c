import FoundationEssentials
import LiveKitProtocol
import SwiftProtobuf
import Synchronization
import Testing

@testable import API

@Suite struct TwirpServerTests {
  let gateway: TestGateway

  init() throws { gateway = try TestGateway() }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var path = "ListSIPInboundTrunk"
    var body = "{}"
    var token = "admin"
    var contentType = "application/json"
    var verb = "POST"
    let status: Int
    let code: String
  }

  static let refused = [
    Case(testDescription: "GET", verb: "GET", status: 404, code: "bad_route"),
    Case(testDescription: "no method", path: "/twirp/livekit.SIP", status: 404, code: "bad_route"),
    Case(testDescription: "an unknown method", path: "NoSuchMethod", status: 404, code: "bad_route"),
    Case(testDescription: "a path too long", path: "/twirp/livekit.SIP/A/B", status: 404, code: "bad_route"),
    Case(testDescription: "a service of nobody", path: "/twirp/other.Service/A", status: 404, code: "bad_route"),
    Case(testDescription: "egress", path: "/twirp/livekit.Egress/ListEgress", status: 501, code: "unimplemented"),
    Case(testDescription: "ingress", path: "/twirp/livekit.Ingress/CreateIngress", status: 501, code: "unimplemented"),
    Case(testDescription: "no content type", contentType: "", status: 404, code: "bad_route"),
    Case(testDescription: "text", contentType: "text/plain", status: 404, code: "bad_route"),
    Case(testDescription: "no token", token: "", status: 401, code: "unauthenticated"),
    Case(testDescription: "another's token", token: "forged", status: 401, code: "unauthenticated"),
    Case(testDescription: "a token for nothing", token: "none", status: 403, code: "permission_denied"),
    Case(testDescription: "a token for calls", token: "call", status: 403, code: "permission_denied"),
    Case(testDescription: "no JSON", body: "", status: 400, code: "malformed"),
    Case(testDescription: "half JSON", body: "{\"page\"", status: 400, code: "malformed"),
    Case(testDescription: "JSON of another kind", body: "{\"numbers\": 1}", status: 400, code: "malformed"),
    Case(
      testDescription: "JSON too deep", body: String(repeating: "{\"x\":[", count: 5000), status: 400, code: "malformed"
    ),
    Case(
      testDescription: "protobuf that ends early", body: "\u{0A}\u{7F}a", contentType: "application/protobuf",
      status: 400,
      code: "malformed"),
    Case(
      testDescription: "a body too large", body: String(repeating: " ", count: TwirpServer.bodyByteLimit + 1),
      status: 400,
      code: "invalid_argument"),
  ]

  @Test("what cannot be answered is a Twirp error with the status of its code", arguments: refused)
  func refusing(_ request: Case) async {
    let response = await gateway.post(
      request.path, Array(request.body.utf8), token: request.token, contentType: request.contentType,
      verb: request.verb)
    #expect(response.status == request.status && response.contentType == "application/json")
    #expect(response.refusal.code == request.code && !response.refusal.msg.isEmpty)
    if request.code == "bad_route" {
      #expect(response.refusal.meta?["twirp_invalid_route"]?.hasPrefix(request.verb) == true)
    }
  }

  @Test("a refused grant is named")
  func grantIsNamed() async {
    let response = await gateway.post("ListSIPInboundTrunk", "{}", token: "call")
    #expect(response.refusal.msg == "the token does not grant sip.admin")
  }

  @Test(
    "content types are read as HTTP has them",
    arguments: ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
  func contentTypes(_ type: String) async {
    #expect(await gateway.post("ListSIPInboundTrunk", Array("{}".utf8), contentType: type).status == 200)
  }

  @Test("every service but ours is told what there is instead")
  func otherServices() async {
    let response = await gateway.post("/twirp/livekit.Egress/StartRoomCompositeEgress", "{}")
    #expect(response.refusal.msg == "this gateway has no service livekit.Egress; it has livekit.SIP")
  }

  @Test("JSON is written with the names of the .proto files and with what is not set")
  func json() async throws {
    let created = await gateway.post("CreateSIPInboundTrunk", #"{"trunk": {"numbers": ["+15550100"]}}"#)
    let object = try JSONDecoder().decode([String: Value].self, from: Data(created.body))
    #expect(object["numbers"] == .list(1) && object["name"] == .text("") && object["krisp_enabled"] == .bool(false))
    #expect(object["headers"] == .map && object["include_headers"] == .text("SIP_NO_HEADERS"))
    // A message that is not set.
    #expect(object["media"] == .null)
    if case .text(let time) = object["created_at"] { #expect(time.hasSuffix("Z")) } else { Issue.record("no time") }
    #expect(object.keys.allSatisfy { !$0.contains(where: \.isUppercase) })
    let listed = await gateway.post("ListSIPDispatchRule", "{}")
    #expect(listed.text == #"{"items":[]}"#)
  }

  @Test("JSON is read in both spellings, with enums by name and number, and with fields that do not exist")
  func spellings() async throws {
    for (number, trunk) in [
      #"{"allowed_addresses": ["10.0.0.1"], "include_headers": "SIP_ALL_HEADERS", "ringing_timeout": "30s"}"#,
      #"{"allowedAddresses": ["10.0.0.1"], "includeHeaders": 2, "ringingTimeout": "30s", "notAField": {"a": [1]}}"#,
    ].enumerated() {
      let body = #"{"trunk": "# + trunk.dropLast() + #", "numbers": ["+1555010\#(number)"]}}"#
      let response = await gateway.post("CreateSIPInboundTrunk", body)
      #expect(response.status == 200, "\(response.text)")
      let made = try ProtobufJSON.decode(Livekit_SIPInboundTrunkInfo.self, from: response.body)
      #expect(made.allowedAddresses == ["10.0.0.1"] && made.includeHeaders == .sipAllHeaders)
      #expect(made.ringingTimeout.seconds == 30)
    }
  }

  @Test("texts in errors are JSON whatever they quote")
  func quoting() async {
    let id = "ST_\u{1}\"\\\n\u{1F4DE}"
    var request = Livekit_GetSIPInboundTrunkRequest()
    request.sipTrunkID = id
    await #expect {
      let _: Livekit_GetSIPInboundTrunkResponse = try await gateway.ask("GetSIPInboundTrunk", request)
    } throws: { error in
      (error as? Refused)?.msg == "there is no trunk \(id)"
    }
  }

  @Test("an error of a call carries its SIP status")
  func sipStatus() async {
    let response = await gateway.post("CreateSIPParticipant", #"{"sip_call_to": "busy"}"#, token: "call")
    #expect(response.status == 429)
    #expect(
      response.refusal
        == Refused(
          code: "resource_exhausted", msg: "sip status 486: Busy Here",
          meta: ["sip_status_code": "486", "sip_status": "Busy Here"]))
  }

  @Test("a transfer needs sip.call and the room")
  func transferGrant() async {
    let body = #"{"room_name": "lobby", "participant_identity": "sip_1", "transfer_to": "tel:+1"}"#
    for (token, status) in [("call+room:lobby", 200), ("call", 403), ("room:lobby", 403), ("call+room:other", 403)] {
      #expect(await gateway.post("TransferSIPParticipant", body, token: token).status == status)
    }
    #expect(gateway.calls.asked.withLock { $0 } == ["transfer sip_1 to tel:+1"])
  }

  @Test("calls are listed, found and ended")
  func calls() async {
    let path = "/twirp/trunkline.Calls/"
    #expect(await gateway.post(path + "ListCalls", "{}").text.contains("\"call_id\":\"SCL_1\""))
    #expect(await gateway.post(path + "ListCalls", #"{"room_name": "other"}"#).text == #"{"calls":[]}"#)
    #expect(await gateway.post(path + "GetCall", #"{"call_id": "SCL_1"}"#).status == 200)
    #expect(await gateway.post(path + "GetCall", #"{"call_id": "SCL_2"}"#).refusal.code == "not_found")
    #expect(await gateway.post(path + "HangUp", #"{"call_id": "SCL_1"}"#, token: "admin").status == 403)
    for (token, status) in [
      ("call", 403), ("call+room:other", 403), ("room:lobby", 403), ("call+room:lobby", 200), ("call+admin", 200),
    ] {
      #expect(await gateway.post(path + "HangUp", #"{"call_id": "SCL_1"}"#, token: token).status == status, "\(token)")
    }
    #expect(await gateway.post(path + "HangUp", #"{"call_id": "SCL_2"}"#).refusal.code == "not_found")
    #expect(gateway.calls.asked.withLock { $0 } == ["hang up SCL_1", "hang up SCL_1", "hang up SCL_2"])
  }

  @Test(
    "whoever may send no request of a method is told so before the body is looked at",
    arguments: [
      ("livekit.SIP/ListSIPInboundTrunk", "call", 403), ("livekit.SIP/ListSIPInboundTrunk", "forged", 401),
      ("livekit.SIP/ListSIPInboundTrunk", "", 401), ("livekit.SIP/CreateSIPParticipant", "admin", 403),
      ("livekit.SIP/TransferSIPParticipant", "call", 403), ("livekit.SIP/TransferSIPParticipant", "room:a", 403),
      ("livekit.SIP/NoSuchMethod", "admin", 404), ("livekit.Egress/ListEgress", "admin", 501),
      ("livekit.SIP/TransferSIPParticipant", "call+room:a", nil), ("livekit.SIP/ListSIPInboundTrunk", "admin", nil),
    ] as [(String, String, Int?)])
  func beforeTheBody(path: String, token: String, status: Int?) async {
    let head = TwirpRequest(
      method: "POST", path: "/twirp/" + path, contentType: "application/json",
      authorization: token.isEmpty ? "" : "Bearer \(token)", body: [])
    #expect(await gateway.server.refusal(of: head)?.status == status)
    #expect(await gateway.post("/twirp/" + path, "no JSON", token: token).status == status ?? 400)
  }
}

/// What kind of JSON a value is, and which where that matters.
enum Value: Decodable, Equatable {
  case null
  case bool(Bool)
  case text(String)
  case number
  case list(Int)
  case map

  init(from decoder: any Swift.Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if (try? container.decode(Double.self)) != nil {
      self = .number
    } else if let value = try? container.decode([Value].self) {
      self = .list(value.count)
    } else {
      self = .map
    }
  }
}
