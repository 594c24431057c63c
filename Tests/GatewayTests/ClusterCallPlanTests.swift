import API
import LiveKitProtocol
import SwiftProtobuf
import Telephony
import Testing

@testable import Gateway

/// What livekit-server's wishes for calls out come to.
@Suite("Calls out for a cluster")
struct ClusterCallPlanTests {
  private func plan(
    _ change: (inout Rpc_InternalCreateSIPParticipantRequest) -> Void
  ) throws(CallError) -> OutboundCallPlan {
    var message = Rpc_InternalCreateSIPParticipantRequest()
    message.address = "sip.example.com:5080"
    message.number = "+15550100"
    message.callTo = "+15550177"
    message.roomName = "lobby"
    message.participantIdentity = "callee"
    message.sipCallID = "SCL_1"
    change(&message)
    return try ClusterCallPlan.make(
      message, OutboundOptions(allowsInlineTrunks: false),
      PhoneCapabilities(codecs: ["PCMU/8000", "PCMA/8000"], hasTLS: false, hasSRTP: false))
  }

  @Test("every field of the request finds its place")
  func everyField() throws {
    let plan = try plan {
      $0.sipTrunkID = "ST_1"
      $0.transport = .tcp
      ($0.username, $0.password) = ("ada", "secret")
      $0.hostname = "from.example.com"
      $0.participantName = "Callee"
      $0.participantMetadata = "meta"
      $0.participantAttributes = ["sip.callID": "SCL_1", "sip.trunkID": "ST_1", "plan": "gold"]
      $0.headers = ["X-Campaign": "7"]
      $0.attributesToHeaders = ["plan": "X-Plan"]
      $0.headersToAttributes = ["X-Case": "case"]
      $0.includeHeaders = .sipAllHeaders
      $0.enabledFeatures = [.krispEnabled]
      $0.ringingTimeout = .init(seconds: 20)
      $0.maxCallDuration = .init(seconds: 600)
      $0.media.mediaTimeout = .init(seconds: 7)
      $0.dtmf = "1w2#"
      $0.playDialtone = true
      $0.waitUntilAnswered = true
      $0.displayName = "Ada"
      $0.destinationCountry = "US"
      $0.destination.city = "Seattle"
      $0.destination.country = "US"
      $0.token = "signed elsewhere"
      $0.wsURL = "wss://other.example.com"
      $0.featureFlags = ["new": "1"]
      $0.projectID = "p_1"
    }
    #expect((plan.callID, plan.trunkID, plan.quotaKey) == ("SCL_1", "ST_1", "ST_1"))
    #expect((plan.number, plan.callTo, plan.country) == ("+15550100", "+15550177", "US"))
    #expect(plan.destination.contains("Seattle"))
    let invite = plan.invite
    #expect(invite.requestURI.hasPrefix("sip:+15550177@sip.example.com:5080") && invite.transport == .tcp)
    #expect(invite.from == "\"Ada\" <sip:+15550100@from.example.com>")
    #expect((invite.username, invite.password) == ("ada", "secret"))
    #expect(invite.headers == [CallFacts.Header("X-Campaign", "7"), CallFacts.Header("X-Plan", "gold")])
    #expect(plan.headersToAttributes == ["X-Case": "case"] && plan.includeHeaders == .all)
    #expect(plan.krispEnabled && plan.playDialtone && plan.waitUntilAnswered)
    #expect(plan.policy.ringingTimeout == .seconds(20) && plan.policy.maxCallDuration == .seconds(600))
    #expect(plan.media.mediaTimeout == .seconds(7) && "\(plan.digits)".contains("1"))
    let room = try #require(plan.room)
    #expect(room.roomName == "lobby" && room.participant.identity == "callee" && room.participant.name == "Callee")
    #expect(room.participant.metadata == "meta")
    #expect(
      room.participant.attributes == [
        "sip.callID": "SCL_1", "sip.trunkID": "ST_1", "plan": "gold", "sip.callIDFull": plan.sipCallID,
      ], "the cluster says what may be seen")
    #expect(room.pass == RoomPass(url: "wss://other.example.com", token: "signed elsewhere"))
  }

  @Test("the least that a server sends, and what stands in for the rest")
  func least() throws {
    let plan = try plan { $0.sipCallID = "" }
    #expect(plan.callID.hasPrefix("SCL_") && plan.trunkID.isEmpty && plan.quotaKey == "sip.example.com:5080")
    #expect(plan.room?.pass == RoomPass() && !plan.waitUntilAnswered)
    #expect(plan.invite.from == "\"+15550100\" <sip:+15550100@\(OutboundCallPlan.localHostPlaceholder)>")
  }

  @Test("headers of the request's own words")
  func ownHeaders() throws {
    let plan = try plan {
      $0.callTo = ""
      $0.sipRequestUri.raw = "sip:100@pbx.example.com;user=phone"
      $0.sipToHeader.raw = "sip:alice@example.com"
      $0.sipFromHeader.values.user = "bob"
      $0.sipFromHeader.values.host = "example.org"
    }
    #expect(plan.invite.requestURI == "sip:100@pbx.example.com;user=phone")
    #expect(plan.invite.to.contains("sip:alice@example.com") && plan.invite.from.contains("sip:bob@example.org"))
    #expect(plan.invite.target.host == "sip.example.com", "credentials go to the trunk alone")
    #expect(try self.plan { $0.toUserOverride = "other" }.invite.to.contains("sip:other@"))
  }

  @Test(
    "what makes no call",
    arguments: [
      { $0.roomName = "" }, { $0.callTo = "" }, { $0.address = "a b" }, { $0.dtmf = "x" },
      { $0.headers = ["Contact": "x"] }, { $0.transport = .tls }, { $0.media.encryption = .sipMediaEncryptRequire },
    ] as [@Sendable (inout Rpc_InternalCreateSIPParticipantRequest) -> Void])
  func refusals(_ change: @Sendable (inout Rpc_InternalCreateSIPParticipantRequest) -> Void) {
    #expect(throws: CallError.self) { try plan(change) }
  }
}
