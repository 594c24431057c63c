import Base
import Testing

@testable import Telephony

@Suite("Texts of transfers")
struct TransferTextTests {
  @Test(
    "targets that are taken",
    arguments: [
      ("sip:ann@b.example", "<sip:ann@b.example>", "ann", "b.example"),
      (" <sip:+1555@b.example:5070;user=phone> ", "<sip:+1555@b.example:5070;user=phone>", "+1555", "b.example:5070"),
      ("SIPS:ann@b.example", "<sips:ann@b.example>", "ann", "b.example"),
      ("sip:conference.example", "<sip:conference.example>", "", "conference.example"),
      ("tel:+1-555-765.4321", "<tel:+1-555-765.4321>", "+15557654321", ""),
      ("<TEL:911;phone-context=+1>", "<tel:911;phone-context=+1>", "911", ""),
      ("sip:a%20b@b.example", "<sip:a%20b@b.example>", "a b", "b.example"),
    ])
  func targets(text: String, header: String, user: String, host: String) throws {
    let target = try #require(ReferTarget(text))
    #expect(target.headerValue == header && target.user == user && target.host == host && target.replaces == nil)
  }

  @Test(
    "targets that are not",
    arguments: [
      "", "ann", "http://b.example", "sip:", "sip:ann@", "tel:", "tel:abc def", "tel:+1555\r\nX: y", "sip:a@b\r\nX: y",
      "<sip:ann@b.example", "<sip:ann@b.example>;x=y", "sip:ann@b.example>,<sip:c@d.example", "sip:a b@c.example",
      "tel:()", "sip:ann@b.example?Replaces=nonsense", "sip:a%zz@b.example", "tel:\"1\"",
    ])
  func noTargets(text: String) { #expect(ReferTarget(text) == nil) }

  @Test("Replaces in a target, read and written")
  func replaces() throws {
    let target = try #require(
      ReferTarget("<sip:b@pbx.example;transport=tcp?X=1&Replaces=98732%40sip.example%3Bto-tag%3Dr33%3Bfrom-tag%3Df19>"))
    let dialog = ReplacesHeader(callID: "98732@sip.example", toTag: "r33", fromTag: "f19")
    #expect(target.replaces == dialog && target.plainURI == "sip:b@pbx.example;transport=tcp")
    let made = try #require(ReferTarget(contact: "sip:b@pbx.example?old=1", replacing: dialog))
    #expect(
      made.headerValue == "<sip:b@pbx.example?Replaces=98732%40sip.example%3Bto-tag%3Dr33%3Bfrom-tag%3Df19>")
    #expect(ReferTarget(made.headerValue) == made)
    #expect(ReferTarget(contact: "<sip:b@pbx.example>", replacing: dialog) == nil)
  }

  @Test("a call of ours as a target")
  func consulted() throws {
    #expect(try #require(ReferTarget("sip:SCL_abc@trunkline")).consultedCallID == "SCL_abc")
    #expect(try #require(ReferTarget("sip:ann@trunkline")).consultedCallID == nil)
  }

  @Test(
    "Replaces headers",
    arguments: [
      ("a@b;to-tag=1;from-tag=2", ReplacesHeader(callID: "a@b", toTag: "1", fromTag: "2")),
      (
        " a ; From-Tag = 2 ;x=y; TO-TAG=1;early-only ",
        ReplacesHeader(callID: "a", toTag: "1", fromTag: "2", isEarlyOnly: true)
      ), ("a;to-tag=1", nil), (";to-tag=1;from-tag=2", nil), ("a;to-tag=1;to-tag=2;from-tag=3", nil),
      ("a b;to-tag=1;from-tag=2", nil), ("a;to-tag=;from-tag=2", nil), ("", nil), ("a,b;to-tag=1;from-tag=2", nil),
      (String(repeating: "a", count: 1025) + ";to-tag=1;from-tag=2", nil),
    ])
  func replacesHeaders(text: String, header: ReplacesHeader?) {
    #expect(ReplacesHeader(text) == header)
    if let header { #expect(ReplacesHeader(header.description) == header) }
  }

  static let notifications: [(String?, String?, String, ReferNotification)] = [
    ("refer", nil, "SIP/2.0 200 OK\r\n", .status(.ok, id: nil, isFinal: false)),
    (
      "Refer;id=93809823", "terminated;reason=noresource", "SIP/2.0 200 OK", .status(.ok, id: 93_809_823, isFinal: true)
    ),
    ("refer ; id=7", "active;expires=60", "SIP/2.0 100", .status(SIPStatus(100, ""), id: 7, isFinal: false)),
    (
      "refer", "Terminated", "\r\nSIP/2.0 486 Busy Here\r\nServer: x\r\n",
      .status(SIPStatus(486, "Busy Here"), id: nil, isFinal: true)
    ),
    ("refer", nil, "sip/2.0 603 Decline\n", .status(SIPStatus(603, "Decline"), id: nil, isFinal: false)),
    (nil, nil, "SIP/2.0 200 OK", .refused(SIPStatus(400, "No Event"))),
    ("", nil, "SIP/2.0 200 OK", .refused(SIPStatus(400, "No Event"))),
    ("talk", nil, "SIP/2.0 200 OK", .refused(SIPStatus(501, "Not Implemented"))),
    ("refer;id=x", nil, "SIP/2.0 200 OK", .refused(SIPStatus(400, "Bad Body"))),
    ("refer", nil, "", .refused(SIPStatus(400, "Bad Body"))),
    ("refer", nil, "200 OK", .refused(SIPStatus(400, "Bad Body"))),
    ("refer", nil, "SIP/2.0 2000 OK", .refused(SIPStatus(400, "Bad Body"))),
    ("refer", nil, "SIP/2.0 099 OK", .refused(SIPStatus(400, "Bad Body"))),
    ("refer", nil, "SIP/2.0 +20 OK", .refused(SIPStatus(400, "Bad Body"))),
  ]

  @Test("NOTIFY requests", arguments: notifications)
  func notification(event: String?, state: String?, body: String, result: ReferNotification) {
    #expect(ReferNotification(event: event, subscriptionState: state, body: Array(body.utf8)) == result)
  }

  @Test("any bytes are read without a trap")
  func anyBytes() {
    var generator = RandomSource.seeded(20_260_801)
    let seeds = ["sip:a@b.example;x=y?Replaces=a%3Bto-tag%3D1", "tel:+1555", "a;to-tag=1;from-tag=2", "SIP/2.0 200 OK"]
    for round in 0..<20_000 {
      var bytes = Array(seeds[round % seeds.count].utf8)
      for _ in 0..<Int.random(in: 0..<6, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[index] = UInt8.random(in: 0...255, using: &generator)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      if let target = ReferTarget(text) { #expect(HeaderSyntax.isValue(target.headerValue)) }
      _ = ReplacesHeader(text)
      _ = ReferNotification(event: text, subscriptionState: text, body: bytes)
      _ = SIPNameAddress(text)
    }
  }

  @Test(
    "fields of TransferSIPParticipant that are refused",
    arguments: [
      ("", "i", "sip:a@b", [:], nil, "room_name"), ("r", "", "sip:a@b", [:], nil, "participant_identity"),
      ("r", "i", "", [:], nil, "transfer_to"), ("r", "i", "ann", [:], nil, "transfer_to"),
      ("r", "i", "sip:a@b", ["Refer-To": "x"], nil, "headers"),
      ("r", "i", "sip:a@b", [:], .seconds(-1), "ringing_timeout"),
      ("r", "i", "sip:a@b", [:], .seconds(601), "ringing_timeout"),
    ] as [(String, String, String, [String: String], Duration?, String)])
  func refusedFields(
    room: String, identity: String, to: String, headers: [String: String], timeout: Duration?, field: String
  ) {
    do throws(CallError) {
      _ = try TransferRequest.make(
        id: 1, transferID: "STR_1", roomName: room, participantIdentity: identity, transferTo: to, playDialtone: false,
        headers: headers, ringingTimeout: timeout)
      Issue.record("\(field) was taken")
    } catch {
      #expect(error.code == .invalidArgument && error.message.hasPrefix(field))
    }
  }

  @Test("a request with every field")
  func request() throws {
    let request = try TransferRequest.make(
      id: 1, transferID: "STR_1", roomName: "r", participantIdentity: "i", transferTo: "tel:+1555", playDialtone: true,
      headers: ["X-B": "2", "X-A": "1"], ringingTimeout: .seconds(9))
    #expect(request.headers == [CallFacts.Header("X-A", "1"), CallFacts.Header("X-B", "2")])
    #expect(request.ringingTimeout == .seconds(9) && request.playDialtone)
    let plain = try TransferRequest.make(
      id: 1, transferID: "STR_1", roomName: "r", participantIdentity: "i", transferTo: "tel:+1555",
      playDialtone: false, headers: [:], ringingTimeout: .zero)
    #expect(plain.ringingTimeout == .seconds(30))
  }
}
