import API
import Base
import Foundation
import LiveKitProtocol
import RoomClientCore
import SwiftProtobuf
import Telephony
import Testing

@testable import Gateway

/// What livekit-server's answers come to.
@Suite("Dispatch by a cluster")
struct ClusterDispatchTests {
  private static let call = CallFacts(
    callID: "SCL_1", sipCallID: "abc@192.0.2.1", fromUser: "+15550123", fromHost: "192.0.2.1", fromTag: "tag",
    toUser: "+15550100", toHost: "192.0.2.9", source: IPAddress("192.0.2.1"),
    headers: [
      CallFacts.Header("X-Case", "77"), CallFacts.Header("X-Other", "o"), CallFacts.Header("Subject", "s"),
      CallFacts.Header("X-Twilio-CallSid", "CA1"),
    ])
  private static let capabilities = PhoneCapabilities(
    codecs: ["PCMU/8000", "PCMA/8000"], hasTLS: false, hasSRTP: false)

  private func outcome(
    _ trunk: InboundTrunk? = nil, _ change: (inout Rpc_EvaluateSIPDispatchRulesResponse) -> Void
  ) -> ClusterDispatch {
    var response = Rpc_EvaluateSIPDispatchRulesResponse()
    response.result = .accept
    response.roomName = "lobby"
    change(&response)
    return ClusterDispatch(response, call: Self.call, trunk: trunk, DispatchOptions(), Self.capabilities)
  }

  private func dispatch(_ change: (inout Rpc_EvaluateSIPDispatchRulesResponse) -> Void) throws -> Dispatch {
    guard case .accept(let dispatch) = outcome(nil, change).outcome else { throw Unexpected() }
    return dispatch
  }

  private struct Unexpected: Error {}

  @Test("every field of the answer finds its place")
  func everyField() throws {
    let dispatch = try dispatch {
      $0.participantIdentity = "sip_+15550123"
      $0.participantName = "Phone +15550123"
      $0.participantMetadata = "meta"
      $0.participantAttributes = ["sip.callID": "SCL_1", "plan": "gold"]
      $0.sipTrunkID = "ST_1"
      $0.sipDispatchRuleID = "SDR_1"
      $0.headers = ["X-Fixed": "1"]
      $0.attributesToHeaders = ["plan": "X-Plan"]
      $0.headersToAttributes = ["x-case": "case"]
      $0.includeHeaders = .sipXHeaders
      $0.enabledFeatures = [.krispEnabled]
      $0.ringingTimeout = .init(seconds: 20)
      $0.maxCallDuration = .init(seconds: 600)
      $0.roomPreset = "preset"
      $0.media.mediaTimeout = .init(seconds: 7)
      $0.token = "signed elsewhere"
      $0.wsURL = "wss://other.example.com"
      $0.featureFlags = ["new": "1"]
      $0.projectID = "p_1"
    }
    #expect((dispatch.trunkID, dispatch.ruleID, dispatch.roomName) == ("ST_1", "SDR_1", "lobby"))
    let participant = dispatch.participant
    #expect((participant.identity, participant.name) == ("sip_+15550123", "Phone +15550123"))
    #expect(participant.metadata == "meta")
    #expect(
      participant.attributes == [
        "sip.callID": "SCL_1", "plan": "gold", "sip.callIDFull": "abc@192.0.2.1", "sip.callTag": "tag", "case": "77",
        "sip.h.x-case": "77", "sip.h.x-other": "o", "sip.h.x-twilio-callsid": "CA1", "sip.twilio.callSid": "CA1",
      ])
    #expect(dispatch.headers == ["X-Fixed": "1"] && dispatch.attributesToHeaders == ["plan": "X-Plan"])
    #expect(dispatch.krispEnabled && dispatch.roomPreset == "preset")
    #expect(dispatch.policy.ringingTimeout == .seconds(20) && dispatch.policy.maxCallDuration == .seconds(600))
    #expect(dispatch.media.mediaTimeout == .seconds(7))
    #expect(dispatch.entry.pass == RoomPass(url: "wss://other.example.com", token: "signed elsewhere"))
  }

  @Test("room_config reaches the token as the cluster has it, even where the API here would refuse it")
  func roomConfiguration() async throws {
    var configuration = Livekit_RoomConfiguration()
    configuration.name = "c"
    configuration.emptyTimeout = 30
    configuration.metadata = "m"
    configuration.minPlayoutDelay = 100
    configuration.syncStreams = true
    configuration.egress.room.audioOnly = true
    var file = Livekit_EncodedFileOutput()
    file.filepath = "{room_name}.ogg"
    file.s3.bucket = "calls"
    configuration.egress.room.fileOutputs = [file]
    configuration.tags = ["a": "b"]
    for index in 0..<40 {
      var agent = Livekit_RoomAgentDispatch()
      agent.agentName = "agent \(index)"
      configuration.agents.append(agent)
    }
    let entry = try dispatch { $0.roomConfig = configuration }.entry
    #expect(entry.roomConfiguration == nil, "too many agents to wait for")
    let client = RoomClientEntry(
      roomName: "lobby", identity: "i", name: "n", metadata: "m", attributes: ["sip.callID": "SCL_1", "plan": "gold"])
    let grants = RemoteRoomAccess.grants(client, entry)
    #expect(grants.roomConfiguration == configuration)
    let claims = try await claims(of: grants)
    #expect(claims.contains("\"audioOnly\":true") && claims.contains("\"s3\":{\"bucket\":\"calls\"}"))
    #expect(grants.attributes == ["sip.callID": "SCL_1"] && grants.kind == .sip && grants.metadata == "m")
    configuration.agents.removeLast(39)
    let known = try dispatch { $0.roomConfig = configuration }.entry
    #expect(known.roomConfiguration?.agents.map(\.agentName) == ["agent 0"])
    #expect(RemoteRoomAccess.grants(client, known).roomConfiguration == configuration)
  }

  private func claims(of grants: Grants) async throws -> String {
    let token = try await AccessToken(apiKey: "k", grants: grants, notBefore: 0, expires: 60)
      .signed(with: "a-secret-of-at-least-32-characters")
    var payload = token.split(separator: ".")[1].replacing("-", with: "+").replacing("_", with: "/")
    payload += String(repeating: "=", count: (4 - payload.count % 4) % 4)
    return String(decoding: try #require(Data(base64Encoded: String(payload))), as: UTF8.self)
  }

  @Test(
    "results, and what a caller gets for them",
    arguments: [
      (.accept, "lobby", false, "accept"), (.accept, "", false, "refuse"), (.reject, "lobby", false, "refuse"),
      (.drop, "lobby", false, "refuse"), (.UNRECOGNIZED(9), "lobby", false, "refuse"),
      (.requestPin, "", false, "pin"), (.legacyAcceptOrPin, "lobby", false, "accept"),
      (.legacyAcceptOrPin, "lobby", true, "pin"), (.legacyAcceptOrPin, "", false, "refuse"),
    ] as [(Rpc_SIPDispatchResult, String, Bool, String)])
  func results(_ result: Rpc_SIPDispatchResult, _ room: String, _ wantsPIN: Bool, _ expected: String) {
    let outcome = outcome {
      $0.result = result
      $0.roomName = room
      $0.requestPin = wantsPIN
    }.outcome
    switch outcome {
    case .accept: #expect(expected == "accept")
    case .requestPIN: #expect(expected == "pin")
    case .refuse(let refusal): #expect(expected == "refuse" && refusal.status.code == 404)
    }
  }

  @Test("a trunk that answered is named by its own name, another by its id")
  func trunkNames() throws {
    let trunk = InboundTrunk(id: "ST_1", name: "twilio")
    for (id, label) in [("", "twilio"), ("ST_1", "twilio"), ("ST_2", "ST_2")] {
      guard case .accept(let dispatch) = outcome(trunk, { $0.sipTrunkID = id }).outcome else { throw Unexpected() }
      #expect(dispatch.trunkLabel == label && dispatch.trunkID == (id.isEmpty ? "ST_1" : id))
    }
  }

  @Test("media that the phone leg cannot have ends the call")
  func media() {
    guard case .refuse(let refusal) = outcome(nil, { $0.media.encryption = .sipMediaEncryptRequire }).outcome else {
      Issue.record("it was let in")
      return
    }
    #expect(refusal.status.code == 500 && refusal.reason == .mediaFailed)
  }

  @Test("the answer to who it is: trunk, credentials, refusals")
  func admission() {
    var response = Rpc_GetSIPTrunkAuthenticationResponse()
    response.sipTrunkID = "ST_1"
    (response.username, response.password, response.realm) = ("ada", "secret", "realm")
    response.providerInfo.name = "twilio"
    response.providerInfo.preventTransfer = true
    guard case .trunk(let trunk) = response.admission(acceptsUnmatched: false) else {
      Issue.record("no trunk")
      return
    }
    #expect((trunk.id, trunk.name, trunk.authUsername, trunk.authRealm) == ("ST_1", "twilio", "ada", "realm"))
    #expect(trunk.requiresDigest && trunk.transfer.isPrevented)
    response.password = ""
    guard case .trunk(let open) = response.admission(acceptsUnmatched: false) else {
      Issue.record("no trunk")
      return
    }
    #expect(!open.requiresDigest, "half a pair asks for nothing")
    for (code, reason) in [(1, RefusalReason.quotaExceeded), (2, .noTrunk)] {
      response.errorCode = Rpc_SIPTrunkAuthenticationError(rawValue: code) ?? .sipTrunkAuthErrorNone
      guard case .refuse(let refusal) = response.admission(acceptsUnmatched: true) else {
        Issue.record("code \(code) lets in")
        continue
      }
      #expect(refusal.reason == reason)
    }
  }
}
