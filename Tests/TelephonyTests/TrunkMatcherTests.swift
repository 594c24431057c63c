import Base
import Testing

@testable import Telephony

@Suite("Inbound trunk matching")
struct TrunkMatcherTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var trunks: [InboundTrunk]
    var from = "+15557654321"
    var fromHost = "pbx.example.com"
    var to = "+15550100"
    var source: String? = "203.0.113.9"
    /// Id of the trunk, `none`, or two ids joined by `&`.
    var expected: String
    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(name: "no trunk at all", trunks: [], expected: "none"),
    Case(name: "the called number", trunks: [trunk("A", numbers: ["+15550100"])], expected: "A"),
    Case(name: "another called number", trunks: [trunk("A", numbers: ["+15550199"])], expected: "none"),
    Case(
      name: "a number in another spelling", trunks: [trunk("A", numbers: ["1 (555) 01-00"])], to: "15550100",
      expected: "A"),
    Case(name: "a name as number", trunks: [trunk("A", numbers: ["support"])], to: "support", expected: "A"),
    Case(name: "names differ in case", trunks: [trunk("A", numbers: ["support"])], to: "Support", expected: "none"),
    Case(name: "a country code", trunks: [trunk("A", numbers: ["+1"])], expected: "A"),
    Case(name: "another country code", trunks: [trunk("A", numbers: ["+44"])], expected: "none"),
    Case(name: "a prefix", trunks: [trunk("A", numbers: ["+1555*"])], expected: "A"),
    Case(name: "a default trunk", trunks: [trunk("A")], expected: "A"),
    Case(
      name: "a trunk that names the number goes before a default one",
      trunks: [trunk("A"), trunk("B", numbers: ["+15550100"])], expected: "B"),
    Case(
      name: "two trunks name the number",
      trunks: [trunk("B", numbers: ["+15550100"]), trunk("A", numbers: ["15550100"])], expected: "A&B"),
    Case(
      name: "one trunk lists the number twice", trunks: [trunk("A", numbers: ["+15550100", "15550100"])],
      expected: "A"),
    Case(name: "two default trunks", trunks: [trunk("B"), trunk("A")], expected: "A&B"),
    Case(
      name: "two default trunks beside one that names the number",
      trunks: [trunk("A"), trunk("B"), trunk("C", numbers: ["+15550100"])], expected: "C"),
    Case(
      name: "of two default trunks one allows the source",
      trunks: [trunk("A", addresses: ["198.51.100.0/24"]), trunk("B", addresses: ["203.0.113.0/24"])], expected: "B"),
    Case(name: "the caller is allowed", trunks: [trunk("A", callers: ["15557654321"])], expected: "A"),
    Case(name: "the caller is not allowed", trunks: [trunk("A", callers: ["+15550000000"])], expected: "none"),
    Case(name: "the caller's prefix is allowed", trunks: [trunk("A", callers: ["+1555*"])], expected: "A"),
    Case(
      name: "callers tell two trunks of one number apart",
      trunks: [
        trunk("A", numbers: ["+15550100"], callers: ["+1"]), trunk("B", numbers: ["+15550100"], callers: ["+44"]),
      ], expected: "A"),
    Case(name: "the source address", trunks: [trunk("A", addresses: ["203.0.113.9"])], expected: "A"),
    Case(name: "another address", trunks: [trunk("A", addresses: ["203.0.113.10"])], expected: "none"),
    Case(name: "a block", trunks: [trunk("A", addresses: ["203.0.113.8/30"])], expected: "A"),
    Case(name: "a block with host bits", trunks: [trunk("A", addresses: ["203.0.113.11/30"])], expected: "A"),
    Case(name: "another block", trunks: [trunk("A", addresses: ["203.0.113.12/30"])], expected: "none"),
    Case(
      name: "an IPv6 block", trunks: [trunk("A", addresses: ["2001:db8::/32"])], source: "2001:db8:1::9",
      expected: "A"),
    Case(
      name: "an IPv6 source and an IPv4 block", trunks: [trunk("A", addresses: ["0.0.0.0/0"])], source: "::1",
      expected: "none"),
    Case(
      name: "an unknown source passes", trunks: [trunk("A", addresses: ["203.0.113.10"])], source: nil, expected: "A"),
    Case(name: "the host of From", trunks: [trunk("A", addresses: ["pbx.example.com"])], expected: "A"),
    Case(
      name: "the host of From in another case", trunks: [trunk("A", addresses: ["PBX.example.com"])],
      expected: "none"),
    Case(
      name: "an address as host of From", trunks: [trunk("A", addresses: ["192.0.2.1"])], fromHost: "192.0.2.1",
      expected: "A"),
    Case(
      name: "masks of foreign characters are dropped",
      trunks: [trunk("A", addresses: ["sip://203.0.113.9", "203.0.113.10"])], expected: "none"),
    Case(
      name: "a list of nothing else allows everyone",
      trunks: [trunk("A", addresses: ["sip://x", "a b", "(1)", "+1", "*", "a;b", "a,b", "a\tb"])], expected: "A"),
    Case(name: "a name that DNS knows", trunks: [trunk("A", addresses: ["sip.example.net"])], expected: "A"),
    Case(name: "its case does not matter", trunks: [trunk("A", addresses: ["SIP.Example.net"])], expected: "A"),
    Case(name: "a name that DNS does not know", trunks: [trunk("A", addresses: ["sip.example.org"])], expected: "none"),
    Case(name: "a provider", trunks: [trunk("A", addresses: ["provider:acme"])], expected: "A"),
    Case(name: "a provider's host name", trunks: [trunk("A", addresses: ["provider:named"])], expected: "A"),
    Case(name: "an unknown provider", trunks: [trunk("A", addresses: ["provider:nobody"])], expected: "none"),
    Case(name: "a provider of providers", trunks: [trunk("A", addresses: ["provider:nested"])], expected: "none"),
  ]

  static let addresses = AddressTable(
    providers: [
      "acme": ["198.51.100.0/24", "203.0.113.0/24"], "named": ["sip.example.net"], "nested": ["provider:acme"],
    ],
    resolved: ["sip.example.net": [IPAddress(v4: 0xCB00_7109)]])

  @Test("which trunk takes the call", arguments: cases)
  func matches(_ test: Case) {
    let call = CallFacts(
      fromUser: test.from, fromHost: test.fromHost, toUser: test.to, source: test.source.flatMap { IPAddress($0) })
    let found =
      switch TrunkMatcher(trunks: test.trunks).match(call, addresses: Self.addresses) {
      case .none: "none"
      case .trunk(let trunk): trunk.id
      case .several(let a, let b): "\(a.id)&\(b.id)"
      }
    #expect(found == test.expected)
  }

  @Test("the host of From proves nothing where it is not trusted")
  func distrust() {
    let trunks = [trunk("A", addresses: ["pbx.example.com", "192.0.2.1"])]
    let matcher = TrunkMatcher(trunks: trunks, trustsFromHost: false)
    for host in ["pbx.example.com", "192.0.2.1"] {
      let call = CallFacts(fromUser: "1", fromHost: host, toUser: "2", source: IPAddress("203.0.113.9"))
      #expect(matcher.match(call, addresses: AddressTable()) == .none)
    }
  }

  @Test("conditions fail in the order numbers, allowed_numbers, allowed_addresses")
  func order() {
    let call = CallFacts(fromUser: "1", toUser: "2", source: IPAddress("203.0.113.9"))
    func failed(_ trunk: InboundTrunk) -> TrunkMatcher.Condition? {
      TrunkMatcher(trunks: [trunk]).failedCondition(of: trunk, for: call, addresses: AddressTable())
    }
    #expect(failed(trunk("A", numbers: ["3"], callers: ["4"], addresses: ["192.0.2.1"])) == .numbers)
    #expect(failed(trunk("A", numbers: ["2"], callers: ["4"], addresses: ["192.0.2.1"])) == .allowedNumbers)
    #expect(failed(trunk("A", numbers: ["2"], callers: ["1"], addresses: ["192.0.2.1"])) == .allowedAddresses)
    #expect(failed(trunk("A", numbers: ["2"], callers: ["1"])) == nil)
  }

  @Test("a source that a trunk lists is known, whatever it calls")
  func known() throws {
    let matcher = TrunkMatcher(trunks: [trunk("A", numbers: ["9"], addresses: ["provider:acme"]), trunk("B")])
    #expect(matcher.knows(try #require(IPAddress("198.51.100.7")), addresses: Self.addresses))
    #expect(!matcher.knows(try #require(IPAddress("192.0.2.7")), addresses: Self.addresses))
  }

  @Test("DNS is asked for the host names of trunks and of the providers they name")
  func hostNames() {
    let trunks = [
      trunk("A", addresses: ["One.example.com", "192.0.2.1", "provider:named"]), trunk("B", addresses: ["provider:x"]),
    ]
    #expect(Self.addresses.hostNames(in: trunks) == ["one.example.com", "sip.example.net"])
  }

  @Test(
    "what is wrong with an entry of allowed_addresses",
    arguments: [
      ("192.0.2.1", true), ("192.0.2.0/24", true), ("2001:db8::/32", true), ("sip.example.com", true),
      ("localhost", true), ("provider:twilio", true), ("192.0.2.0/33", false), ("192.0.2.256", false),
      ("192.0.2", false), ("192.0.2.1:5060", false), ("provider:", false), ("", false), ("a..b", false),
      ("-a.example.com", false), ("a b", false), ("sip:192.0.2.1", false), ("example.com/24", false),
    ])
  func problems(text: String, isSound: Bool) { #expect((AddressPattern(text).problem == nil) == isSound) }
}

func trunk(
  _ id: String, numbers: [NumberPattern] = [], callers: [NumberPattern] = [], addresses: [AddressPattern] = []
) -> InboundTrunk {
  InboundTrunk(id: id, numbers: numbers, allowedAddresses: addresses, allowedNumbers: callers)
}
