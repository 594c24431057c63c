import Base
import Configuration
import Foundation
import Testing

@testable import trunkline

enum WallClock {
  /// Seconds since 1970.
  static var now: Double { Date().timeIntervalSince1970 }
}

@Suite struct StartReportTests {
  func report(_ text: String) throws -> StartReport {
    StartReport(try GatewayConfiguration.load(ConfigurationSource(body: text)))
  }

  @Test("the report says what to give to whom and what is in force")
  func everything() throws {
    let report = try report(
      """
      inbound_trunks: [{name: twilio, numbers: ["+15550142"], allowed_addresses: [192.0.2.0/24]}]
      dispatch_rules:
        - {name: desk, trunk_ids: [twilio], rule: {dispatchRuleDirect: {roomName: reception}}}
      """)
    let text = report.text(
      sip: Endpoint(IPAddress(v4: 0xCB00_7107), 5060), web: Endpoint(.loopbackV4, 7880), token: "TOKEN")
    for part in [
      "sip:203.0.113.7:5060", "ws://127.0.0.1:7880", "for room reception", "TOKEN",
      "export LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret",
      "twilio   +15550142, from 192.0.2.0/24", "desk   calls of twilio go to room reception",
      "trunkline dial sip:+15550142@127.0.0.1:5060", "127.0.0.1 only",
    ] { #expect(text.contains(part)) }
  }

  @Test("an unspecified room address is shown as the SIP one")
  func unspecifiedAddress() throws {
    let text = try report("keys: {a: b}").text(
      sip: Endpoint(IPAddress(v4: 0xCB00_7107), 5060), web: Endpoint(.anyV4, 7880), token: "")
    #expect(text.contains("ws://203.0.113.7:7880"))
    #expect(!text.contains("127.0.0.1 only"))
    #expect(text.contains("LIVEKIT_API_KEY=a LIVEKIT_API_SECRET=<its secret>"))
  }

  @Test("without trunks and rules it says that every call is refused")
  func nothingInForce() throws {
    #expect(try report("").trunksAndRules.components(separatedBy: "every call is refused").count == 3)
  }

  @Test("rules that name rooms for each call show the form of the name")
  func roomForms() throws {
    let text = try report(
      "dispatch_rules: [{name: r, numbers: ['+15550142'], rule: {dispatchRuleIndividual: {roomPrefix: call-}}}]"
    ).trunksAndRules
    #expect(text.contains("r   calls of any trunk to +15550142 go to rooms such as call-_+15550123_"))
  }
}
