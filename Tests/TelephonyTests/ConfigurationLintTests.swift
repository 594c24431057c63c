import Testing

@testable import Telephony

@Suite("Configuration lint")
struct ConfigurationLintTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var trunks: [InboundTrunk]
    var rules: [DispatchRule] = []
    var acceptUnmatched = false
    var expected: [String]
    var testDescription: String { name }
  }

  static func trunk(
    _ name: String, numbers: [NumberPattern] = [], callers: [NumberPattern] = [], addresses: [AddressPattern] = []
  ) -> InboundTrunk {
    InboundTrunk(
      id: "ST_" + name, name: name, numbers: numbers, allowedAddresses: addresses, allowedNumbers: callers)
  }

  static func rule(
    _ name: String, _ kind: DispatchRule.Kind = .individual(), trunks: [String] = [], numbers: [NumberPattern] = [],
    callers: [NumberPattern] = []
  ) -> DispatchRule {
    DispatchRule(
      id: "SDR_" + name, name: name, kind: kind, trunkIDs: trunks, numbers: numbers, inboundNumbers: callers)
  }

  static let a = trunk("a", numbers: ["+15550100"])
  static let b = trunk("b", numbers: ["+15550200"])

  static let cases: [Case] = [
    Case(name: "nothing", trunks: [], expected: []),
    Case(
      name: "a sound pair", trunks: [a, b], rules: [rule("r", trunks: ["a"]), rule("s", trunks: ["ST_b"])],
      expected: []),
    Case(name: "a trunk open to everyone", trunks: [trunk("x")], expected: ["open-trunk trunk 0 - allowed_addresses"]),
    Case(
      name: "two trunks of one number", trunks: [a, trunk("x", numbers: ["1 555 0100"])],
      expected: ["overlapping-trunks trunk 1 trunk 0 numbers"]),
    Case(
      name: "two trunks of one number and different addresses",
      trunks: [
        trunk("x", numbers: ["+15550100"], addresses: ["192.0.2.1"]),
        trunk("y", numbers: ["+15550100"], addresses: ["192.0.2.2"]),
      ], expected: ["overlapping-trunks trunk 1 trunk 0 numbers"]),
    Case(
      name: "a prefix over a number", trunks: [trunk("x", numbers: ["+1"]), a],
      expected: ["overlapping-trunks trunk 1 trunk 0 numbers"]),
    Case(
      name: "two default trunks", trunks: [trunk("x", addresses: ["192.0.2.1"]), trunk("y", addresses: ["192.0.2.2"])],
      expected: ["overlapping-trunks trunk 1 trunk 0 numbers"]),
    Case(
      name: "a default trunk beside a specific one", trunks: [trunk("x", addresses: ["192.0.2.1"]), a], expected: []),
    Case(
      name: "callers tell two trunks of one number apart",
      trunks: [trunk("x", numbers: ["+1"], callers: ["+1"]), trunk("y", numbers: ["+1"], callers: ["+44"])],
      expected: []),
    Case(
      name: "a trunk without callers overlaps one with",
      trunks: [trunk("x", numbers: ["+1"]), trunk("y", numbers: ["+1"], callers: ["+44"])],
      expected: ["overlapping-trunks trunk 1 trunk 0 numbers"]),
    Case(
      name: "one id twice",
      trunks: [
        a,
        {
          var c = b
          c.id = "ST_a"
          return c
        }(),
      ],
      expected: ["duplicate-id trunk 1 trunk 0 sip_trunk_id"]),
    Case(
      name: "a rule of a trunk that is not there", trunks: [a], rules: [rule("r", trunks: ["a", "c"])],
      expected: ["missing-trunk rule 0 - trunk_ids"]),
    Case(
      name: "a name that two trunks have",
      trunks: [
        a,
        {
          var c = b
          c.name = "a"
          return c
        }(),
      ], rules: [rule("r", trunks: ["a"])],
      expected: ["ambiguous-trunk rule 0 trunk 0 trunk_ids"]),
    Case(
      name: "two open rules without trunks", trunks: [a], rules: [rule("r"), rule("s", .direct(roomName: "s"))],
      expected: ["conflicting-rules rule 1 rule 0 numbers"]),
    Case(
      name: "two rules of one trunk, by name and by id", trunks: [a],
      rules: [rule("r", trunks: ["a"]), rule("s", trunks: ["ST_a"])],
      expected: ["conflicting-rules rule 1 rule 0 numbers"]),
    Case(
      name: "two PINs are no conflict", trunks: [a],
      rules: [rule("r", .direct(roomName: "r", pin: "1")), rule("s", .direct(roomName: "s", pin: "2")), rule("t")],
      expected: []),
    Case(
      name: "a called number that the trunk does not take", trunks: [a],
      rules: [rule("r", trunks: ["a"], numbers: ["+15550999"])],
      expected: ["empty-intersection rule 0 trunk 0 numbers"]),
    Case(
      name: "a called number that no trunk takes", trunks: [a, b], rules: [rule("r", numbers: ["+15550999"])],
      expected: ["empty-intersection rule 0 trunk 0 numbers"]),
    Case(
      name: "a called number that one trunk takes", trunks: [a, b], rules: [rule("r", numbers: ["+15550200"])],
      expected: []),
    Case(
      name: "a called number that no trunk takes, and calls without trunk come in", trunks: [a],
      rules: [rule("r", numbers: ["+15550999"])], acceptUnmatched: true, expected: []),
    Case(
      name: "a caller that the trunk does not let in", trunks: [trunk("x", numbers: ["+1"], callers: ["+44"])],
      rules: [rule("r", trunks: ["x"], callers: ["+1555*"])],
      expected: ["empty-intersection rule 0 trunk 0 inbound_numbers"]),
    Case(
      name: "an own number among the callers", trunks: [a], rules: [rule("r", trunks: ["a"], callers: ["+15550100"])],
      expected: ["called-number-as-caller rule 0 trunk 0 inbound_numbers"]),
    Case(
      name: "an open rule behind rules of every trunk", trunks: [a, b],
      rules: [rule("r", trunks: ["a"]), rule("s", trunks: ["b"]), rule("t", .direct(roomName: "t"))],
      expected: ["shadowed-rule rule 2 rule 0 trunk_ids"]),
    Case(
      name: "an open rule behind a rule of one trunk", trunks: [a, b],
      rules: [rule("r", trunks: ["a"]), rule("t", .direct(roomName: "t"))], expected: []),
    Case(
      name: "an open rule behind all trunks, and calls without trunk come in", trunks: [a],
      rules: [rule("r", trunks: ["a"]), rule("t", .direct(roomName: "t"))], acceptUnmatched: true, expected: []),
    Case(
      name: "a rule behind one that names the trunk's only number", trunks: [a],
      rules: [rule("r", trunks: ["a"], numbers: ["+15550100"]), rule("s", trunks: ["a"])],
      expected: ["shadowed-rule rule 1 rule 0 numbers"]),
    Case(
      name: "a number behind a prefix of a rule that goes first", trunks: [trunk("x", numbers: ["+1"])],
      rules: [
        rule("r", .direct(roomName: "r"), trunks: ["x"], numbers: ["+1555*"]),
        rule("s", trunks: ["x"], numbers: ["+15550100"]),
      ], expected: ["shadowed-rule rule 1 rule 0 numbers"]),
    Case(
      name: "a number beside a prefix of the same rank", trunks: [trunk("x", numbers: ["+1"])],
      rules: [rule("r", trunks: ["x"], numbers: ["+1555*"]), rule("s", trunks: ["x"], numbers: ["+15550100"])],
      expected: []),
    Case(
      name: "an open rule behind a PIN can be reached by #", trunks: [a],
      rules: [rule("r", .direct(roomName: "r", pin: "1"), trunks: ["a"]), rule("s", trunks: ["a"])], expected: []),
    Case(
      name: "a PIN behind an open rule that goes first is never asked for", trunks: [a],
      rules: [
        rule("r", .direct(roomName: "r"), trunks: ["a"], numbers: ["+15550100"]),
        rule("s", .direct(roomName: "s", pin: "1"), trunks: ["a"]),
      ], expected: ["shadowed-rule rule 1 rule 0 numbers"]),
  ]

  @Test("what is found", arguments: cases)
  func finds(_ test: Case) {
    let findings = ConfigurationLint(
      trunks: test.trunks, rules: test.rules, acceptUnmatchedTrunk: test.acceptUnmatched
    ).findings()
    let found = findings.map {
      "\($0.kind.rawValue) \(Self.text($0.subject)) \($0.other.map(Self.text) ?? "-") \($0.key)"
    }
    #expect(found == test.expected)
    for finding in findings where finding.other != nil && finding.kind != .duplicateID {
      for label in [finding.subject, finding.other].compactMap(\.self).map({ Self.label($0, test) }) {
        let words = finding.sentence.split { !$0.isLetter }.map(String.init)
        #expect(words.contains(label) || finding.kind == .ambiguousTrunk)
      }
    }
  }

  @Test("a rule that is shadowed is never chosen, whatever call comes", arguments: cases)
  func shadowsAreReal(_ test: Case) {
    let dispatcher = Dispatcher(
      trunks: test.trunks, rules: test.rules, options: DispatchOptions(acceptUnmatchedTrunk: test.acceptUnmatched))
    let findings = ConfigurationLint(
      trunks: test.trunks, rules: test.rules, acceptUnmatchedTrunk: test.acceptUnmatched
    ).findings()
    let dead: Set<String> = Set(
      findings.compactMap { finding in
        guard finding.kind == .shadowedRule || finding.kind == .emptyIntersection,
          case .rule(let index) = finding.subject
        else { return nil }
        return test.rules[index].id
      })
    let numbers = ["+15550100", "+15550200", "+15550999", "+15551", "+441", "x"]
    var generator = SystemRandomNumberGenerator()
    for from in numbers {
      for to in numbers {
        for pin in [PINEntry.notAsked, .skipped, .entered("1"), .entered("2")] {
          let call = CallFacts(fromUser: from, toUser: to)
          let outcome = dispatcher.decide(call, addresses: AddressTable(), pin: pin, using: &generator)
          // A PIN can be entered only where one was asked for.
          let first = dispatcher.decide(call, addresses: AddressTable(), using: &generator)
          if pin != .notAsked, case .requestPIN = first {} else if pin != .notAsked { continue }
          if case .accept(let dispatch) = outcome { #expect(!dead.contains(dispatch.ruleID)) }
        }
      }
    }
  }

  static func text(_ subject: LintFinding.Subject) -> String {
    switch subject {
    case .trunk(let index): "trunk \(index)"
    case .rule(let index): "rule \(index)"
    case .outboundTrunk(let index): "outbound trunk \(index)"
    }
  }

  static func label(_ subject: LintFinding.Subject, _ test: Case) -> String {
    switch subject {
    case .trunk(let index): test.trunks[index].label
    case .rule(let index): test.rules[index].label
    case .outboundTrunk: ""
    }
  }
}
