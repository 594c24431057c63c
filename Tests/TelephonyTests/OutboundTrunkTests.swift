import Testing

@testable import Telephony

@Suite("Outbound trunks")
struct OutboundTrunkTests {
  @Test(
    "addresses",
    arguments: [
      ("sip.example.com", "sip.example.com", nil), ("sip.example.com:5080", "sip.example.com", 5080),
      ("192.0.2.1", "192.0.2.1", nil), ("192.0.2.1:5060", "192.0.2.1", 5060), ("2001:db8::1", "2001:db8::1", nil),
      ("[2001:db8::1]:5060", "2001:db8::1", 5060), ("_sip.example.com.", "_sip.example.com.", nil),
    ] as [(String, String, UInt16?)])
  func addresses(text: String, host: String, port: UInt16?) throws {
    let address = try #require(SIPHostPort(text))
    #expect(address.host == host && address.port == port && SIPHostPort(address.description) == address)
    #expect(OutboundTrunkCheck.problem(address: text) == nil)
  }

  @Test(
    "texts that are no address",
    arguments: [
      "", "sip:a.example", "SIPS:a.example", "u@a.example", "a.example;transport=tcp", "a.example:0", "a.example:70000",
      "a.example:", "a b", "a..b", ".", "[2001:db8::1", "[192.0.2.1]", "a.example:+5060", "-\u{e9}",
      String(repeating: "a", count: 64) + ".example", "a.example/b",
    ])
  func noAddress(text: String) {
    #expect(SIPHostPort(text) == nil)
    #expect(OutboundTrunkCheck.problem(address: text) != nil)
  }

  static let wrongFields: [(String, @Sendable (inout OutboundTrunk) -> Void)] = [
    ("numbers", { $0.numbers = [] }), ("numbers", { $0.numbers = ["a@b"] }),
    ("auth_password", { $0.authUsername = "" }), ("auth_username", { $0.authPassword = "" }),
    ("headers", { $0.headers = ["Contact": "a"] }), ("headers", { $0.headers = ["To": "a"] }),
    ("headers_to_attributes", { $0.headersToAttributes = ["X Y": "a"] }),
    ("attributes_to_headers", { $0.attributesToHeaders = ["a": "X\r\n"] }),
    ("destination_country", { $0.destinationCountry = "ZZ" }), ("from_host", { $0.fromHost = "sip:a" }),
    ("media", { $0.media.mediaTimeout = .seconds(-1) }),
    (
      "calling_hours",
      { $0.limits.callingHours = [CallingHours(destination: .init("GB"), timeZones: [], opensAt: 0, closesAt: 60)] }
    ),
    (
      "calling_hours",
      {
        $0.limits.callingHours = [CallingHours(destination: .init("ZZ"), timeZones: ["UTC"], opensAt: 0, closesAt: 60)]
      }
    ),
    (
      "calling_hours",
      {
        $0.limits.callingHours = [
          CallingHours(destination: .init("+44"), timeZones: ["UTC"], opensAt: 60, closesAt: 60)
        ]
      }
    ),
    (
      "calling_hours",
      {
        $0.limits.callingHours = [
          CallingHours(destination: .init("+44"), timeZones: ["UTC"], weekdays: [], opensAt: 0, closesAt: 60)
        ]
      }
    ),
  ]

  @Test("problems are told by their field", arguments: wrongFields)
  func problems(field: String, change: @Sendable (inout OutboundTrunk) -> Void) {
    #expect(OutboundTrunkCheck.problems(OutboundPlannerTests.trunk).isEmpty)
    var trunk = OutboundPlannerTests.trunk
    change(&trunk)
    #expect(OutboundTrunkCheck.problems(trunk).map(\.field) == [field])
  }

  @Test("a country is two capital letters that are assigned")
  func countries() {
    #expect(["US", "GB", "DE", "JP", "XK"].filter(CountryCode.isAssigned) == ["US", "GB", "DE", "JP"])
  }
}
