import Base
import Testing

@testable import Telephony

@Suite("Dispatch rules")
struct DispatcherTests {
  static let trunkA = InboundTrunk(id: "ST_A", name: "acme", numbers: ["+1"])
  static let trunkB = InboundTrunk(id: "ST_B", name: "beta", numbers: ["+44"])

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var rules: [DispatchRule]
    var pin = PINEntry.notAsked
    var to = "+15550100"
    var hasTrunk = true
    /// Id of the rule, with `?` when its PIN is asked for; else the reason of the refusal.
    var expected: String
    var testDescription: String { name }
  }

  static func rule(
    _ id: String, _ kind: DispatchRule.Kind = .individual(), trunks: [String] = [], numbers: [NumberPattern] = [],
    callers: [NumberPattern] = []
  ) -> DispatchRule {
    DispatchRule(id: id, kind: kind, trunkIDs: trunks, numbers: numbers, inboundNumbers: callers)
  }

  static let cases: [Case] = [
    Case(name: "no rule", rules: [], expected: "no-dispatch"),
    Case(name: "an open rule without trunks", rules: [rule("A")], expected: "A"),
    Case(name: "a rule of this trunk", rules: [rule("A", trunks: ["ST_A"])], expected: "A"),
    Case(name: "a rule of this trunk by its name", rules: [rule("A", trunks: ["acme"])], expected: "A"),
    Case(name: "a rule of another trunk", rules: [rule("A", trunks: ["ST_B"])], expected: "no-dispatch"),
    Case(
      name: "the trunk's rule goes first", rules: [rule("A", .direct(roomName: "a")), rule("B", trunks: ["ST_A"])],
      expected: "B"),
    Case(
      name: "the trunk's rule goes first even with less in it",
      rules: [
        rule("A", .direct(roomName: "a", pin: "1"), numbers: ["+15550100"], callers: ["+15557654321"]),
        rule("B", .callee(), trunks: ["ST_A"]),
      ], expected: "B"),
    Case(name: "the calling number", rules: [rule("A", callers: ["+15557654321"])], expected: "A"),
    Case(name: "another calling number", rules: [rule("A", callers: ["+15550100"])], expected: "no-dispatch"),
    Case(
      name: "the calling number is normalised", rules: [rule("A", callers: ["(555) 7654321"])], expected: "no-dispatch"),
    Case(
      name: "the calling number in another spelling", rules: [rule("A", callers: ["1 555 765 4321"])], expected: "A"),
    Case(name: "the called number", rules: [rule("A", numbers: ["15550100"])], expected: "A"),
    Case(name: "another called number", rules: [rule("A", numbers: ["+15550101"])], expected: "no-dispatch"),
    Case(name: "a called prefix", rules: [rule("A", numbers: ["+1555*"])], expected: "A"),
    Case(name: "a called country", rules: [rule("A", numbers: ["+1"])], expected: "A"),
    Case(
      name: "direct goes before individual, however closely that names the caller",
      rules: [rule("A", .individual(), callers: ["+15557654321"]), rule("B", .direct(roomName: "z"), callers: ["+1"])],
      expected: "B"),
    Case(
      name: "individual goes before callee, however closely that names the caller",
      rules: [rule("A", .callee(), callers: ["+15557654321"]), rule("B", .individual(), callers: ["+1"])],
      expected: "B"),
    Case(
      name: "a calling number goes before the kind",
      rules: [rule("A", .direct(roomName: "a")), rule("B", .callee(), callers: ["+15557654321"])], expected: "B"),
    Case(
      name: "a called number goes before the kind",
      rules: [rule("A", .direct(roomName: "a")), rule("B", .callee(), numbers: ["+15550100"])], expected: "B"),
    Case(
      name: "two numbers go before one",
      rules: [
        rule("A", .direct(roomName: "a"), numbers: ["+15550100"]),
        rule("B", .callee(), numbers: ["+15550100"], callers: ["+15557654321"]),
      ], expected: "B"),
    Case(
      name: "a PIN goes before an open rule",
      rules: [rule("A", .direct(roomName: "a")), rule("B", .callee(pin: "12"))], expected: "B?"),
    Case(
      name: "a calling number goes before a PIN",
      rules: [rule("A", .direct(roomName: "a", pin: "12")), rule("B", .individual(), callers: ["+15557654321"])],
      expected: "B"),
    Case(
      name: "# alone takes the open rule",
      rules: [rule("A", .direct(roomName: "a")), rule("B", .direct(roomName: "b", pin: "12"))], pin: .skipped,
      expected: "A"),
    Case(
      name: "# alone without an open rule", rules: [rule("B", .direct(roomName: "b", pin: "12"))], pin: .skipped,
      expected: "no-dispatch"),
    Case(
      name: "the PIN chooses its rule",
      rules: [
        rule("A", .direct(roomName: "a")), rule("B", .direct(roomName: "b", pin: "12")),
        rule("C", .direct(roomName: "c", pin: "34")),
      ], pin: .entered("34"), expected: "C"),
    Case(
      name: "a wrong PIN takes no open rule",
      rules: [rule("A", .direct(roomName: "a")), rule("B", .direct(roomName: "b", pin: "12"))], pin: .entered("99"),
      expected: "no-dispatch"),
    Case(
      name: "a tie goes to the room name that sorts first",
      rules: [
        rule("A", .direct(roomName: "zulu"), numbers: ["+15550100"]),
        rule("B", .direct(roomName: "alpha"), callers: ["+15557654321"]),
      ], expected: "B"),
    Case(
      name: "a number goes before a prefix of equal rank",
      rules: [
        rule("A", .direct(roomName: "a"), numbers: ["+1555*"]),
        rule("B", .direct(roomName: "z"), numbers: ["+15550100"]),
      ], expected: "B"),
    Case(
      name: "a long prefix goes before a short one",
      rules: [
        rule("A", .direct(roomName: "a"), numbers: ["+1"]), rule("B", .direct(roomName: "z"), numbers: ["+1555*"]),
      ], expected: "B"),
    Case(
      name: "two rules in conflict spoil the call",
      rules: [rule("A"), rule("B", .direct(roomName: "b"))], expected: "conflicting-rules"),
    Case(
      name: "a conflict in other numbers spoils it too",
      rules: [
        rule("A", .direct(roomName: "a"), numbers: ["+15550100"]), rule("B", numbers: ["+9", "+8"]),
        rule("C", numbers: ["+8"]),
      ], expected: "conflicting-rules"),
    Case(
      name: "a conflict of another trunk does not",
      rules: [rule("A"), rule("B", trunks: ["ST_B"]), rule("C", trunks: ["beta"])], expected: "A"),
    Case(
      name: "another PIN is no conflict",
      rules: [rule("A", .direct(roomName: "a", pin: "1")), rule("B", .direct(roomName: "b", pin: "2"))],
      expected: "A?"),
    Case(
      name: "without a trunk an open rule", rules: [rule("A"), rule("B", trunks: ["ST_A"])], hasTrunk: false,
      expected: "A"),
    Case(
      name: "without a trunk no rule of a trunk", rules: [rule("B", trunks: ["ST_A"])], hasTrunk: false,
      expected: "no-dispatch"),
  ]

  @Test("which rule takes the call", arguments: cases)
  func selects(_ test: Case) {
    let dispatcher = Dispatcher(trunks: [Self.trunkA, Self.trunkB], rules: test.rules)
    let call = CallFacts(fromUser: "+15557654321", toUser: test.to)
    var generator = SystemRandomNumberGenerator()
    let outcome = dispatcher.dispatch(
      call, trunk: test.hasTrunk ? Self.trunkA : nil, pin: test.pin, using: &generator)
    #expect(Self.summary(outcome) == test.expected)
  }

  @Test("the order in which rules are written does not matter", arguments: cases)
  func orderless(_ test: Case) {
    let dispatcher = Dispatcher(trunks: [Self.trunkB, Self.trunkA], rules: test.rules.reversed())
    let call = CallFacts(fromUser: "+15557654321", toUser: test.to)
    var generator = SystemRandomNumberGenerator()
    let outcome = dispatcher.dispatch(
      call, trunk: test.hasTrunk ? Self.trunkA : nil, pin: test.pin, using: &generator)
    #expect(Self.summary(outcome) == test.expected)
  }

  static func summary(_ outcome: DispatchOutcome) -> String {
    switch outcome {
    case .accept(let dispatch): dispatch.ruleID
    case .requestPIN(let request): request.ruleID + "?"
    case .refuse(let refusal): refusal.reason.rawValue
    }
  }

  @Test("the six ranks of livekit-sip, and what absent numbers add")
  func priorities() {
    func priority(_ kind: DispatchRule.Kind, _ numbers: [NumberPattern] = ["1"], _ callers: [NumberPattern] = ["2"])
      -> Int
    { RuleSelector.Rank.priority(of: Self.rule("A", kind, numbers: numbers, callers: callers)) }
    #expect(priority(.direct(roomName: "r", pin: "1")) == 0)
    #expect(priority(.individual(pin: "1")) == 1)
    #expect(priority(.callee(pin: "1")) == 2)
    #expect(priority(.direct(roomName: "r")) == 100)
    #expect(priority(.individual()) == 101)
    #expect(priority(.callee()) == 102)
    #expect(priority(.direct(roomName: "r"), []) == 1100)
    #expect(priority(.direct(roomName: "r"), ["1"], []) == 1100)
    #expect(priority(.callee(), [], []) == 2102)
  }

  @Test("a call that matches no trunk is refused even when an open rule exists, unless that is allowed")
  func unmatched() {
    let call = CallFacts(fromUser: "1", toUser: "+33123")
    var generator = SystemRandomNumberGenerator()
    func decide(_ accept: Bool) -> String {
      let dispatcher = Dispatcher(
        trunks: [Self.trunkA], rules: [Self.rule("A")], options: DispatchOptions(acceptUnmatchedTrunk: accept))
      return Self.summary(dispatcher.decide(call, addresses: AddressTable(), using: &generator))
    }
    #expect(decide(false) == "no-trunk")
    #expect(decide(true) == "A")
  }

  @Test("two trunks that take the call refuse it with 503 and both names")
  func several() {
    let dispatcher = Dispatcher(
      trunks: [InboundTrunk(id: "1", name: "one", numbers: ["7"]), InboundTrunk(id: "2", name: "two", numbers: ["7"])],
      rules: [Self.rule("A")])
    var generator = SystemRandomNumberGenerator()
    let outcome = dispatcher.decide(
      CallFacts(fromUser: "1", toUser: "7"), addresses: AddressTable(), using: &generator)
    guard case .refuse(let refusal) = outcome else {
      Issue.record("accepted")
      return
    }
    #expect(refusal.status.code == 503)
    #expect(refusal.sentence == "trunks one and two both name the called number 7")
  }

  @Test("a rule's settings overlay the trunk's, which overlay the gateway's")
  func overlays() throws {
    var trunk = Self.trunkA
    trunk.call = CallOverrides(answerPolicy: .immediately, ringingTimeout: .seconds(30), maxCallDuration: .zero)
    trunk.headers = ["X-A": "b"]
    trunk.attributesToHeaders = ["a": "X-B"]
    trunk.krispEnabled = true
    trunk.media = MediaOptions(codecs: [.init(name: "PCMA")], onlyListedCodecs: true, mediaTimeout: .seconds(5))
    var rule = Self.rule("R", trunks: ["acme"])
    rule.call = CallOverrides(ringingTimeout: .seconds(40), hangupWhenAlone: false, departureTimeout: .seconds(7))
    rule.roomPreset = "preset"
    rule.roomConfiguration = RoomConfiguration(agents: [.init(agentName: "agent")])
    rule.media = MediaOptions(encryption: .allow)
    let options = DispatchOptions(policy: CallPolicy(maxCallDuration: .seconds(99)))
    var generator = SystemRandomNumberGenerator()
    let outcome = Dispatcher(trunks: [trunk], rules: [rule], options: options)
      .decide(CallFacts(fromUser: "1", toUser: "+15550100"), addresses: AddressTable(), using: &generator)
    guard case .accept(let dispatch) = outcome else {
      Issue.record("refused: \(outcome)")
      return
    }
    let expected = CallPolicy(
      answerPolicy: .immediately, ringingTimeout: .seconds(40), maxCallDuration: .seconds(99), hangupWhenAlone: false,
      departureTimeout: .seconds(7))
    #expect(dispatch.policy == expected)
    #expect(dispatch.headers == ["X-A": "b"])
    #expect(dispatch.attributesToHeaders == ["a": "X-B"])
    #expect(dispatch.krispEnabled)
    #expect(dispatch.roomPreset == "preset")
    #expect(dispatch.roomConfiguration?.agents.map(\.agentName) == ["agent"])
    #expect(dispatch.media.encryption == .allow)
    #expect(dispatch.media.codecs.map(\.name) == ["PCMA"])
    #expect(dispatch.media.onlyListedCodecs)
    #expect(dispatch.media.mediaTimeout == .seconds(5))
  }
}
