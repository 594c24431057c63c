import Base
import Testing

@testable import Telephony

@Suite("Rooms and participants")
struct NamingTests {
  static let guid = "[23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz]{12}"

  @Test(
    "room names",
    arguments: [
      (DispatchRule.Kind.direct(roomName: "lobby"), "lobby"),
      (.individual(roomPrefix: "call-"), "call-_\\+15551234567_" + guid),
      (.individual(roomPrefix: "call"), "call_\\+15551234567_" + guid),
      (.individual(), "\\+15551234567_" + guid),
      (.individual(roomPrefix: "call-", noRandomness: true), "call-_\\+15551234567"),
      (.individual(noRandomness: true), "\\+15551234567"),
      (.callee(roomPrefix: "desk"), "desk_\\+15550100"),
      (.callee(), "\\+15550100"),
      (.callee(roomPrefix: "desk", randomize: true), "desk_\\+15550100_" + guid),
      (.callee(randomize: true), "\\+15550100_" + guid),
    ])
  func roomNames(kind: DispatchRule.Kind, expected: String) throws {
    var generator = SystemRandomNumberGenerator()
    let name = RoomName.make(kind, from: "+15551234567", to: "+15550100", using: &generator)
    #expect(try Regex(expected).wholeMatch(in: name) != nil, "\(name)")
    let form = RoomName.form(kind, from: "+15551234567", to: "+15550100")
    #expect(form.hasSuffix("_<12 characters>") == expected.contains("{12}"))
  }

  @Test("numbers in room names are raw")
  func raw() {
    var generator = SystemRandomNumberGenerator()
    let name = RoomName.make(.individual(noRandomness: true), from: "(123) 4", to: "x", using: &generator)
    #expect(name == "(123) 4")
  }

  static func profile(
    _ from: String, hidden: Bool = false, trunk: InboundTrunk? = nil, headers: [CallFacts.Header] = [],
    attributes: [String: String] = [:]
  ) -> ParticipantProfile {
    let call = CallFacts(
      callID: "SCL_x", sipCallID: "a@b", fromUser: from, fromHost: "sip.example.com", fromTag: "tag1",
      toUser: "+15550100", headers: headers)
    let rule = DispatchRule(
      id: "SDR_x", kind: .individual(), hidePhoneNumber: hidden, metadata: "meta", attributes: attributes)
    return ParticipantProfile(call: call, trunk: trunk, rule: rule)
  }

  @Test("a caller's identity, name, metadata and attributes")
  func participant() {
    let profile = Self.profile(
      "+15551234567", trunk: InboundTrunk(id: "ST_x"), attributes: ["a": "1", "sip.callID": "x"])
    #expect(profile.identity == "sip_+15551234567")
    #expect(profile.name == "Phone +15551234567")
    #expect(profile.metadata == "meta")
    let expected = [
      "a": "1", "sip.callID": "SCL_x", "sip.trunkID": "ST_x", "sip.ruleID": "SDR_x",
      "sip.phoneNumber": "+15551234567", "sip.hostname": "sip.example.com", "sip.trunkPhoneNumber": "+15550100",
      "sip.callIDFull": "a@b", "sip.callTag": "tag1",
    ]
    #expect(profile.attributes == expected)
  }

  @Test(
    "a hidden number",
    arguments: [
      ("+11112222", "sip_c15a31c71649a522", "Phone 2222"), ("1234", nil, "Phone 4"), ("12345", nil, "Phone 2345"),
      ("", "sip_e3b0c44298fc1c14", "Phone "),
    ] as [(String, String?, String)])
  func hidden(from: String, identity: String?, name: String) {
    let profile = Self.profile(from, hidden: true, trunk: InboundTrunk(id: "ST_x"))
    if let identity { #expect(profile.identity == identity) }
    #expect(profile.name == name)
    #expect(
      profile.attributes.keys.sorted() == ["sip.callID", "sip.callIDFull", "sip.callTag", "sip.ruleID", "sip.trunkID"])
  }

  @Test("a hidden number does not stand in the room's name")
  func hiddenRoom() {
    let rule = DispatchRule(
      id: "R", kind: .individual(roomPrefix: "call-", noRandomness: true), hidePhoneNumber: true)
    var generator = SystemRandomNumberGenerator()
    let outcome = Dispatcher(trunks: [InboundTrunk(id: "T")], rules: [rule]).decide(
      CallFacts(fromUser: "+15551234567", toUser: "1"), addresses: AddressTable(), using: &generator)
    guard case .accept(let dispatch) = outcome else {
      Issue.record("refused")
      return
    }
    #expect(dispatch.roomName == "call-_4567")
  }

  @Test(
    "providers' headers become attributes",
    arguments: [
      ("X-Twilio-AccountSid", "sip.twilio.accountSid"), ("x-twilio-callsid", "sip.twilio.callSid"),
      ("X-call_leg_id", "sip.telnyx.callLegID"), ("X-call_session_id", "sip.telnyx.callSessionID"),
      ("X-Amzn-ConnectContactId", "sip.amazon.contactId"),
      ("X-Amzn-ConnectInitialContactId", "sip.amazon.initialContactId"),
      ("X-Amzn-SourceAccount", "sip.amazon.sourceAccount"), ("X-Amzn-SourceArn", "sip.amazon.sourceArn"),
      ("X-Amzn-TargetArn", "sip.amazon.targetArn"), ("X-Lk-Test-Id", "lktest.id"),
    ])
  func builtIn(header: String, attribute: String) {
    let profile = Self.profile("1", headers: [CallFacts.Header(header, "v")])
    #expect(profile.attributes[attribute] == "v")
  }

  @Test("include_headers takes none, X- headers or all")
  func inclusion() {
    let headers = [
      CallFacts.Header("X-Custom", "1"), CallFacts.Header("Subject", "2"), CallFacts.Header("x-custom", "3"),
    ]
    func included(_ inclusion: HeaderInclusion) -> [String: String] {
      HeaderMapping.attributes(from: headers, inclusion: inclusion, mapping: [:])
    }
    #expect(included(.none) == [:])
    #expect(included(.x) == ["sip.h.x-custom": "1"])
    #expect(included(.all) == ["sip.h.x-custom": "1", "sip.h.subject": "2"])
  }

  @Test("headers_to_attributes ignores the header's case and goes before everything else")
  func mapping() {
    var trunk = InboundTrunk(id: "ST_x")
    trunk.headersToAttributes = ["x-crm": "crm.id", "X-Other": "sip.twilio.callSid"]
    let headers = [
      CallFacts.Header("X-CRM", "7"), CallFacts.Header("X-Twilio-CallSid", "CA1"), CallFacts.Header("X-Other", "mine"),
    ]
    let attributes = Self.profile("1", trunk: trunk, headers: headers, attributes: ["crm.id": "0"]).attributes
    #expect(attributes["crm.id"] == "7")
    #expect(attributes["sip.twilio.callSid"] == "mine")
  }

  @Test("a flood of headers is cut")
  func flood() {
    let headers = (0..<1000).map { CallFacts.Header("X-\($0)", "v") }
    let attributes = HeaderMapping.attributes(from: headers, inclusion: .all, mapping: [:])
    #expect(attributes.count == HeaderMapping.headerLimit)
  }

  @Test("attributes become headers unless they are missing or would break the message")
  func attributesToHeaders() {
    let mapping = ["b": "X-B", "a": "X-A", "missing": "X-M", "evil": "X-E", "long": "X-L", "bad": "X Bad"]
    let attributes = [
      "a": "1", "b": "zwei ü", "evil": "1\r\nVia: x", "long": String(repeating: "x", count: 1025), "bad": "1",
    ]
    let headers = HeaderMapping.headers(from: attributes, mapping: mapping)
    #expect(headers == [CallFacts.Header("X-A", "1"), CallFacts.Header("X-B", "zwei ü")])
  }

  @Test(
    "header names",
    arguments: [
      ("X-A", true, false), ("", false, false), ("a b", false, false), ("x:y", false, false),
      ("X-\u{e9}", false, false),
      ("a.b!%*_+`'~", true, false), ("Call-ID", true, true), ("v", true, true), ("To", true, false),
      ("Via", true, false), (String(repeating: "a", count: 256), false, false),
    ])
  func headerNames(name: String, isName: Bool, isReserved: Bool) {
    #expect(HeaderSyntax.isName(name) == isName)
    #expect(HeaderSyntax.isReserved(name) == isReserved)
  }

  @Test("media options of trunk and rule merge as LiveKit merges them")
  func mediaMerge() {
    let pcmu = [MediaOptions.Codec(name: "PCMU")]
    let pcma = [MediaOptions.Codec(name: "PCMA", rateHz: 8000)]
    func merged(_ a: MediaOptions, _ b: MediaOptions) -> MediaOptions { a.merged(with: b) }
    #expect(merged(.init(encryption: .require), .init(encryption: .disable)).encryption == .require)
    #expect(merged(.init(encryption: .require), .init(encryption: .allow)).encryption == .allow)
    #expect(merged(.init(), .init(encryption: .disable)).encryption == .disable)
    #expect(merged(.init(mediaTimeout: .seconds(1)), .init(mediaTimeout: .zero)).mediaTimeout == .zero)
    #expect(merged(.init(mediaTimeout: .seconds(1)), .init()).mediaTimeout == .seconds(1))
    let kept = merged(.init(codecs: pcmu, onlyListedCodecs: true), .init(onlyListedCodecs: false))
    #expect(kept == MediaOptions(codecs: pcmu, onlyListedCodecs: true))
    let replaced = merged(.init(codecs: pcmu, onlyListedCodecs: true), .init(codecs: pcma))
    #expect(replaced == MediaOptions(codecs: pcma, onlyListedCodecs: false))
  }

  @Test("the old media_encryption field fills an unset encryption")
  func legacyEncryption() {
    #expect(MediaOptions().withLegacyEncryption(.require).encryption == .require)
    #expect(MediaOptions().withLegacyEncryption(.disable).encryption == nil)
    #expect(MediaOptions(encryption: .allow).withLegacyEncryption(.require).encryption == .allow)
  }
}
