import Base
import Testing

@testable import Telephony

@Suite("Plans of calls out")
struct OutboundPlannerTests {
  static let trunk = OutboundTrunk(
    id: "ST_main", name: "main", address: SIPHostPort(host: "sip.example.com"), numbers: ["+15550100"],
    authUsername: "user", authPassword: "secret")

  static func request(_ change: (inout OutboundCallRequest) -> Void = { _ in }) -> OutboundCallRequest {
    var request = OutboundCallRequest()
    request.sipTrunkID = "ST_main"
    request.sipCallTo = "+15557654321"
    request.roomName = "room"
    change(&request)
    return request
  }

  static func plan(
    _ request: OutboundCallRequest, trunks: [OutboundTrunk] = [trunk], options: OutboundOptions = OutboundOptions()
  ) throws(OutboundRefusal) -> OutboundCallPlan {
    var generator = RandomSource.seeded(1)
    return try OutboundPlanner(trunks: trunks, options: options).plan(request, callID: "SCL_test", using: &generator)
  }

  /// What is thrown. Nil: nothing.
  static func refusal(
    _ request: OutboundCallRequest, trunks: [OutboundTrunk] = [trunk], options: OutboundOptions = OutboundOptions()
  ) -> OutboundRefusal? {
    do throws(OutboundRefusal) {
      _ = try plan(request, trunks: trunks, options: options)
      return nil
    } catch {
      return error
    }
  }

  @Test("the plainest request: every default")
  func defaults() throws {
    let plan = try Self.plan(Self.request())
    #expect(plan.invite.requestURI == "sip:+15557654321@sip.example.com")
    #expect(plan.invite.to == "<sip:+15557654321@sip.example.com>")
    #expect(plan.invite.from == "\"+15550100\" <sip:+15550100@local.invalid>")
    #expect(plan.invite.target == SIPHostPort(host: "sip.example.com") && plan.invite.transport == .auto)
    #expect(plan.invite.username == "user" && plan.invite.password == "secret")
    #expect(plan.invite.headers.isEmpty && plan.invite.routes.isEmpty)
    #expect(plan.number == "+15550100" && plan.callTo == "+15557654321" && plan.trunkID == "ST_main")
    #expect(plan.dialledUsers == ["+15557654321"] && plan.quotaKey == "ST_main")
    #expect(plan.policy.ringingTimeout == .seconds(180) && plan.policy.maxCallDuration == .seconds(86_400))
    #expect(!plan.playDialtone && !plan.waitUntilAnswered && !plan.earlyMedia && !plan.krispEnabled)
    #expect(plan.digits.isEmpty && plan.includeHeaders == .none && plan.sipCallID.count == 40)
    let room = try #require(plan.room)
    #expect(room.roomName == "room" && room.participant.identity == "sip_+15557654321")
    #expect(room.participant.name.isEmpty && room.participant.metadata.isEmpty)
    #expect(
      room.participant.attributes == [
        "sip.callID": "SCL_test", "sip.trunkID": "ST_main", "sip.phoneNumber": "+15557654321",
        "sip.hostname": "sip.example.com", "sip.trunkPhoneNumber": "+15550100", "sip.callIDFull": plan.sipCallID,
      ])
  }

  @Test("every simple field reaches the plan")
  func fields() throws {
    let plan = try Self.plan(
      Self.request {
        $0.sipNumber = "+15550199"
        $0.participantIdentity = "callee"
        $0.participantName = "Ann"
        $0.participantMetadata = "m"
        $0.participantAttributes = ["tier": "gold", "sip.callID": "forged"]
        $0.dtmf = "1ww2#a"
        $0.playRingtone = true
        $0.ringingTimeout = .seconds(20)
        $0.maxCallDuration = .seconds(60)
        $0.krispEnabled = true
        $0.headers = ["X-A": "1"]
        $0.includeHeaders = .x
        $0.waitUntilAnswered = true
        $0.destination = .init(city: "Seattle", country: "us", region: "WA")
        $0.media = MediaOptions(codecs: [.init(name: "pcma")], onlyListedCodecs: true, mediaTimeout: .seconds(9))
      })
    #expect(plan.number == "+15550199" && plan.digits.text == "1ww2#A" && plan.playDialtone)
    #expect(plan.policy.ringingTimeout == .seconds(20) && plan.policy.maxCallDuration == .seconds(60))
    #expect(plan.krispEnabled && plan.waitUntilAnswered && plan.includeHeaders == .x)
    #expect(plan.invite.headers == [CallFacts.Header("X-A", "1")])
    #expect(plan.country == "US" && plan.destination == "Seattle, WA, US")
    #expect(plan.media.onlyListedCodecs && plan.media.mediaTimeout == .seconds(9))
    let participant = try #require(plan.room).participant
    #expect(participant.identity == "callee" && participant.name == "Ann" && participant.metadata == "m")
    #expect(participant.attributes["tier"] == "gold" && participant.attributes["sip.callID"] == "SCL_test")
  }

  @Test("a hidden number stands in no attribute and in no identity")
  func hidden() throws {
    let participant = try #require(
      try Self.plan(
        Self.request {
          $0.hidePhoneNumber = true
          $0.sipCallTo = "+11112222"
        }
      ).room
    ).participant
    #expect(participant.identity == "sip_c15a31c71649a522")
    #expect(!participant.attributes.values.contains { $0.contains("1112222") || $0 == "sip.example.com" })
  }

  @Test("zero durations say nothing; the trunk's own times hold then")
  func zeroDurations() throws {
    var trunk = Self.trunk
    trunk.call = CallOverrides(ringingTimeout: .seconds(40))
    let plan = try Self.plan(Self.request { $0.ringingTimeout = .zero }, trunks: [trunk])
    #expect(plan.policy.ringingTimeout == .seconds(40))
  }

  // MARK: Trunks

  @Test("the trunk is taken by id, by name, by number, or out of the request")
  func choice() throws {
    let other = OutboundTrunk(
      id: "ST_other", name: "other", address: SIPHostPort(host: "192.0.2.7", port: 5070), numbers: ["+4420*"])
    func label(_ change: (inout OutboundCallRequest) -> Void) throws -> String {
      try Self.plan(Self.request(change), trunks: [other, Self.trunk]).trunkLabel
    }
    #expect(
      try label {
        $0.sipTrunkID = "ST_other"
        $0.sipNumber = "+1"
      } == "other")
    #expect(try label { $0.sipTrunkID = "main" } == "main")
    #expect(
      try label {
        $0.sipTrunkID = ""
        $0.sipNumber = "1 (555) 0100"
      } == "main")
    #expect(
      try label {
        $0.sipTrunkID = ""
        $0.sipNumber = "+442079460000"
      } == "other")
    let inline = try Self.plan(
      Self.request {
        $0.sipTrunkID = ""
        $0.sipNumber = "+1555"
        $0.trunk = .init(
          hostname: "pbx.example.org:5080", transport: .tcp, authUsername: "u", authPassword: "p",
          headersToAttributes: ["X-A": "a"], attributesToHeaders: ["b": "X-B"], destinationCountry: "de",
          fromHost: "from.example.org")
        $0.participantAttributes = ["b": "2"]
      }, trunks: [])
    #expect(inline.trunkID.isEmpty && inline.trunkLabel == "pbx.example.org:5080")
    #expect(inline.quotaKey == "pbx.example.org:5080" && inline.country == "DE")
    #expect(inline.invite.requestURI == "sip:+15557654321@pbx.example.org:5080;transport=tcp")
    #expect(inline.invite.to == "<sip:+15557654321@pbx.example.org>")
    #expect(inline.invite.from == "\"+1555\" <sip:+1555@from.example.org>")
    #expect(inline.invite.target == SIPHostPort(host: "pbx.example.org", port: 5080))
    #expect(inline.invite.transport == .tcp && inline.invite.username == "u" && inline.invite.password == "p")
    #expect(inline.headersToAttributes == ["X-A": "a"])
    #expect(inline.invite.headers == [CallFacts.Header("X-B", "2")])
    #expect(inline.room?.participant.attributes["sip.trunkID"] == nil)
  }

  @Test("our number is drawn from the trunk's, never a pattern, and has a + for Twilio")
  func number() throws {
    var trunk = Self.trunk
    trunk.numbers = ["15550101", "*", "+1*"]
    #expect(try Self.plan(Self.request(), trunks: [trunk]).number == "15550101")
    trunk.address = SIPHostPort(host: "example.pstn.twilio.com")
    #expect(try Self.plan(Self.request(), trunks: [trunk]).number == "+15550101")
    trunk.address = SIPHostPort(host: "nottwilio.com")
    #expect(try Self.plan(Self.request(), trunks: [trunk]).number == "15550101")
    trunk.numbers = ["*"]
    #expect(Self.refusal(Self.request(), trunks: [trunk])?.field == "sip_number")
  }

  @Test(
    "a request without a usable trunk is refused",
    arguments: [
      ("", "", false, OutboundRefusal.Reason.invalidField), ("ST_none", "", false, .noTrunk),
      ("twin", "", false, .severalTrunks), ("", "+15550100", false, .severalTrunks), ("", "+999", false, .noTrunk),
      ("ST_main", "", true, .invalidField),
    ])
  func noTrunk(id: String, number: String, inline: Bool, reason: OutboundRefusal.Reason) {
    let twins = ["ST_1", "ST_2"].map {
      OutboundTrunk(id: $0, name: "twin", address: SIPHostPort(host: "a.example"), numbers: ["+15550100"])
    }
    let request = Self.request {
      $0.sipTrunkID = id
      $0.sipNumber = number
      $0.trunk = inline ? .init(hostname: "pbx.example") : nil
    }
    #expect(Self.refusal(request, trunks: twins + [Self.trunk])?.reason == reason)
  }

  @Test("a TLS trunk, and trunks inside requests where they are not allowed, are refused by name")
  func unavailableTrunks() {
    var trunk = Self.trunk
    trunk.transport = .tls
    #expect(Self.refusal(Self.request(), trunks: [trunk])?.reason == .unavailable)
    #expect(Self.refusal(Self.request(), trunks: [trunk], options: OutboundOptions(hasTLS: true)) == nil)
    let inline = Self.request {
      $0.sipTrunkID = ""
      $0.sipNumber = "1"
      $0.trunk = .init(hostname: "pbx.example")
    }
    #expect(Self.refusal(inline, options: OutboundOptions(allowsInlineTrunks: false))?.field == "trunk")
  }

  // MARK: Headers

  @Test("headers: the trunk's, overlaid by the request's, overlaid by attributes; never one of the stack's own")
  func headers() throws {
    var trunk = Self.trunk
    trunk.headers = ["X-A": "trunk", "X-B": "trunk", "X-C": "trunk"]
    trunk.attributesToHeaders = [
      "attribute": "X-C", "absent": "X-D", "sip.callID": "X-Call", "evil": "X-E", "own": "Contact", "too": "To",
    ]
    let plan = try Self.plan(
      Self.request {
        $0.headers = ["x-b": "request"]
        $0.participantAttributes = ["attribute": "attribute", "evil": "a\r\nX-F: b", "own": "<sip:a>", "too": "b"]
      }, trunks: [trunk])
    #expect(
      plan.invite.headers == [
        CallFacts.Header("X-A", "trunk"), CallFacts.Header("x-b", "request"), CallFacts.Header("X-C", "attribute"),
        CallFacts.Header("X-Call", "SCL_test"),
      ])
  }

  @Test("a route header decides where the INVITE goes and changes no URI")
  func routes() throws {
    let options = OutboundOptions(routes: ["<sip:proxy.example.net:5090;lr;transport=tcp>", "<sip:b.example.net;lr>"])
    let plan = try Self.plan(Self.request(), options: options)
    #expect(plan.invite.target == SIPHostPort(host: "proxy.example.net", port: 5090))
    #expect(plan.invite.transport == .tcp && plan.invite.routes == options.routes)
    #expect(plan.invite.requestURI.hasPrefix("sip:+15557654321@sip.example.com"))
  }
}

extension OutboundPlannerTests {
  // MARK: Addresses

  typealias Change = @Sendable (inout OutboundCallRequest) -> Void

  static let addressTable: [(String, Change, String, String, String)] = {
    let uri = "sip:+15557654321@sip.example.com"
    let from = "\"+15550100\" <sip:+15550100@local.invalid>"
    return [
      ("no display name", { $0.displayName = "" }, uri, "<\(uri)>", "<sip:+15550100@local.invalid>"),
      (
        "a display name that must be quoted", { $0.displayName = #"A "B" \C"# }, uri, "<\(uri)>",
        #""A \"B\" \\C" <sip:+15550100@local.invalid>"#
      ),
      (
        "separators in the number", { $0.sipCallTo = "+1 (555) 765-4321" }, uri, "<\(uri)>", from
      ),
      (
        "an extension", { $0.sipCallTo = "1001" }, "sip:1001@sip.example.com", "<sip:1001@sip.example.com>", from
      ),
      (
        "a user with marks", { $0.sipCallTo = "*12#ann b" }, "sip:*12%23ann%20b@sip.example.com",
        "<sip:*12%23ann%20b@sip.example.com>", from
      ),
      (
        "to_user_override", { $0.toUserOverride = "group-7" }, uri, "<sip:group-7@sip.example.com>", from
      ),
      (
        "request URI by values",
        { $0.sipRequestURI = .values(.init(user: "u", host: "h.example", port: 5070, transport: .tcp)) },
        "sip:u@h.example:5070;transport=tcp", "<\(uri)>", from
      ),
      (
        "request URI with an address alone", { $0.sipRequestURI = .values(.init(ip: "2001:db8::1")) },
        "sip:+15557654321@[2001:db8::1]", "<\(uri)>", from
      ),
      (
        "request URI raw", { $0.sipRequestURI = .raw("sip:a;b=c@x.example;x=y") }, "sip:a;b=c@x.example;x=y",
        "<\(uri)>", from
      ),
      (
        "To by values",
        {
          $0.sipCallTo = ""
          $0.sipToHeader = .init(uri: .values(.init(user: "ann")), displayName: "Ann")
        }, "sip:ann@sip.example.com", "\"Ann\" <sip:ann@sip.example.com>", from
      ),
      (
        "To raw",
        {
          $0.sipCallTo = ""
          $0.sipToHeader = .init(uri: .raw("\"A\\\"n\" <sip:ann@to.example;user=phone>"))
        }, "sip:ann@sip.example.com", "\"A\\\"n\" <sip:ann@to.example;user=phone>", from
      ),
      (
        "From by values",
        { $0.sipFromHeader = .init(uri: .values(.init(user: "me", host: "from.example")), displayName: "Me") }, uri,
        "<\(uri)>", "\"Me\" <sip:me@from.example>"
      ),
      (
        "From raw, the name beside it",
        {
          $0.sipFromHeader = .init(uri: .raw("sip:me@from.example"))
          $0.displayName = "Me"
        }, uri, "<\(uri)>", "\"Me\" <sip:me@from.example>"
      ),
    ]
  }()

  @Test("Request-URI, To and From", arguments: addressTable)
  func addresses(_ name: String, _ change: Change, _ uri: String, _ to: String, _ from: String) throws {
    let plan = try Self.plan(Self.request(change))
    #expect(plan.invite.requestURI == uri)
    #expect(plan.invite.to == to)
    #expect(plan.invite.from == from)
    #expect(plan.invite.target == SIPHostPort(host: "sip.example.com"), "a URI never redirects the INVITE")
  }

  @Test("limits see every user that the provider may route by")
  func dialledUsers() throws {
    let plan = try Self.plan(
      Self.request {
        $0.sipRequestURI = .values(.init(user: "+1900"))
        $0.toUserOverride = "+1901"
      })
    #expect(plan.dialledUsers == ["+15557654321", "+1900", "+1901"])
  }

  @Test("transport in the request URI chooses the way where the trunk leaves it open")
  func transport() throws {
    let raw = Self.request { $0.sipRequestURI = .raw("sip:a@b.example;transport=TCP") }
    #expect(try Self.plan(raw).invite.transport == .tcp)
    var trunk = Self.trunk
    trunk.transport = .udp
    #expect(Self.refusal(raw, trunks: [trunk])?.field == "sip_request_uri")
  }

  static let refusals: [(String, Change)] = [
    ("room_name", { $0.roomName = "" }), ("room_name", { $0.roomName = String(repeating: "r", count: 257) }),
    ("participant_identity", { $0.participantIdentity = String(repeating: "i", count: 257) }),
    ("sip_call_to", { $0.sipCallTo = "" }), ("sip_call_to", { $0.sipCallTo = "ann@example.com" }),
    ("sip_call_to", { $0.sipCallTo = "sip:ann" }), ("sip_call_to", { $0.sipCallTo = "TEL:+1555" }),
    ("sip_call_to", { $0.sipCallTo = "1\r\n2" }), ("sip_call_to", { $0.sipCallTo = "+ ()" }),
    ("sip_call_to", { $0.sipCallTo = String(repeating: "1", count: 129) }),
    ("sip_number", { $0.sipNumber = "me@here" }), ("dtmf", { $0.dtmf = "12x" }),
    ("dtmf", { $0.dtmf = String(repeating: "1", count: 257) }),
    ("to_user_override", { $0.toUserOverride = "a b" }), ("to_user_override", { $0.toUserOverride = "a@b" }),
    ("display_name", { $0.displayName = String(repeating: "d", count: 129) }),
    ("display_name", { $0.displayName = "a\u{1}" }),
    ("ringing_timeout", { $0.ringingTimeout = .seconds(-1) }),
    ("ringing_timeout", { $0.ringingTimeout = .seconds(3601) }),
    ("max_call_duration", { $0.maxCallDuration = .seconds(-1) }),
    ("headers", { $0.headers = ["Contact": "x"] }), ("headers", { $0.headers = ["cAll-id": "x"] }),
    ("headers", { $0.headers = ["v": "x"] }), ("headers", { $0.headers = ["Via": "x"] }),
    ("headers", { $0.headers = ["X Y": "x"] }), ("headers", { $0.headers = ["": "x"] }),
    ("headers", { $0.headers = ["X-A": "a\nb"] }),
    ("headers", { $0.headers = ["X-A": String(repeating: "a", count: 1025)] }),
    ("media.encryption", { $0.media.encryption = .require }), ("media.encryption", { $0.mediaEncryption = .require }),
    ("media.codecs", { $0.media = MediaOptions(codecs: [.init(name: "opus")], onlyListedCodecs: true) }),
    ("media.codecs", { $0.media = MediaOptions(codecs: [.init(name: "PCMU", rateHz: 16000)], onlyListedCodecs: true) }),
    ("media", { $0.media = MediaOptions(codecs: [.init(name: "PCMU/8000")]) }),
    ("media", { $0.media.mediaTimeout = .seconds(601) }),
    ("destination.country", { $0.destination = .init(country: "XX") }),
    ("destination.country", { $0.destination = .init(country: "USA") }),
    ("destination.city", { $0.destination = .init(city: "Seattle") }),
    ("sip_to_header", { $0.sipToHeader = .init(uri: .values(.init(user: "ann"))) }),
    (
      "to_user_override",
      {
        $0.sipCallTo = ""
        $0.sipToHeader = .init(uri: .values(.init(user: "ann")))
        $0.toUserOverride = "b"
      }
    ),
    (
      "sip_to_header.values.user",
      {
        $0.sipCallTo = ""
        $0.sipToHeader = .init(uri: .values(.init(host: "h.example")))
      }
    ),
    (
      "sip_to_header",
      {
        $0.sipCallTo = ""
        $0.sipToHeader = .init(uri: nil)
      }
    ),
    ("sip_from_header.raw", { $0.sipFromHeader = .init(uri: .raw("<sip:a@b.example>;tag=1")) }),
    ("sip_from_header.raw", { $0.sipFromHeader = .init(uri: .raw("sip:a@b.example;tag=1")) }),
    ("sip_from_header.raw", { $0.sipFromHeader = .init(uri: .raw("sip:b.example")) }),
    ("sip_from_header.raw", { $0.sipFromHeader = .init(uri: .raw("a\r\nX: <sip:a@b.example>")) }),
    ("sip_from_header.display_name", { $0.sipFromHeader = .init(uri: .raw("A <sip:a@b.example>"), displayName: "B") }),
    (
      "display_name",
      {
        $0.sipFromHeader = .init(uri: .raw("A <sip:a@b.example>"))
        $0.displayName = "B"
      }
    ),
    ("sip_request_uri.raw", { $0.sipRequestURI = .raw("<sip:a@b.example>") }),
    ("sip_request_uri.raw", { $0.sipRequestURI = .raw("sip:a@b.example?X=y") }),
    ("sip_request_uri.raw", { $0.sipRequestURI = .raw("sip:a@b.example;transport=sctp") }),
    ("sip_request_uri.values.host", { $0.sipRequestURI = .values(.init(host: "a b")) }),
    ("sip_request_uri.values.host", { $0.sipRequestURI = .values(.init(host: "h.example:5060")) }),
    ("sip_request_uri.values.port", { $0.sipRequestURI = .values(.init(port: 70_000)) }),
    ("transport", { $0.sipRequestURI = .raw("sips:a@b.example") }),
    (
      "trunk.hostname",
      {
        $0.sipTrunkID = ""
        $0.trunk = .init(hostname: "sip:pbx.example")
      }
    ),
    (
      "trunk.from_host",
      {
        $0.sipTrunkID = ""
        $0.trunk = .init(hostname: "pbx.example", fromHost: "a;b")
      }
    ),
    (
      "trunk.auth_username",
      {
        $0.sipTrunkID = ""
        $0.trunk = .init(hostname: "pbx.example", authUsername: "u")
      }
    ),
    (
      "sip_number",
      {
        $0.sipTrunkID = ""
        $0.trunk = .init(hostname: "pbx.example")
      }
    ),
  ]

  @Test("what is wrong in a request is refused by its field", arguments: refusals)
  func refused(field: String, change: Change) throws {
    let refusal = try #require(Self.refusal(Self.request(change)))
    #expect(refusal.field == field && !refusal.sentence.isEmpty)
    #expect(refusal.error.code == .invalidArgument)
  }
}
