import Base
import Testing

@testable import Telephony

/// Trunks and rules as many and as long as the API lets them be.
@Suite("Large configurations", .timeLimit(.minutes(2)))
struct LargeConfigurationTests {
  static func patterns(_ prefix: String, _ range: Range<Int>, star: String = "") -> [NumberPattern] {
    range.map { NumberPattern("\(prefix)\($0)\(star)") }
  }

  static func trunk(_ number: Int, numbers: [NumberPattern], callers: [NumberPattern] = []) -> InboundTrunk {
    InboundTrunk(id: "ST_\(number)", numbers: numbers, allowedNumbers: callers)
  }

  static func rule(
    _ number: Int, pin: String = "", trunks: [String] = [], numbers: [NumberPattern] = [],
    callers: [NumberPattern] = []
  ) -> DispatchRule {
    DispatchRule(
      id: "SDR_\(number)", kind: .direct(roomName: "a", pin: pin), trunkIDs: trunks, numbers: numbers,
      inboundNumbers: callers)
  }

  @Test("rules with a thousand trunks and a thousand numbers each are held against each other")
  func longRules() {
    let trunks = (0..<1000).map { "ST_\($0)" }
    let numbers = Self.patterns("+1555", 1000..<2000)
    var rules = (0..<100).map { Self.rule($0, pin: "\($0)", trunks: trunks, numbers: numbers) }
    #expect(RuleConflicts.pairs(of: rules, trunks: []).isEmpty)
    rules.append(Self.rule(100, pin: "7", trunks: ["ST_999"], numbers: ["+15551999"]))
    #expect(RuleConflicts.pairs(of: rules, trunks: []).map { [$0.0, $0.1] } == [[7, 100]])
  }

  @Test("ten thousand rules of one trunk, each with its caller, do not conflict; a caller twice does")
  func manyRules() {
    var rules = (0..<10_000).map {
      Self.rule($0, trunks: ["ST_1"], callers: [NumberPattern("+1555\(10_000 + $0)")])
    }
    #expect(RuleConflicts.pairs(of: rules, trunks: []).isEmpty)
    rules[9_999].inboundNumbers.append("+155510005")
    #expect(RuleConflicts.pairs(of: rules, trunks: []).map { [$0.0, $0.1] } == [[5, 9_999]])
  }

  @Test("trunks with a thousand numbers and a thousand callers each are held against each other")
  func longTrunks() {
    let callers = Self.patterns("+44", 1000..<2000, star: "*")
    var trunks = (0..<200).map { number in
      Self.trunk(number, numbers: Self.patterns("+1\(1000 + number)", 1000..<2000), callers: callers)
    }
    trunks.append(Self.trunk(200, numbers: Self.patterns("+19", 1000..<2000), callers: callers))
    #expect(ConfigurationLint(trunks: trunks, rules: []).findings(ofTrunk: 200).isEmpty)
    trunks.append(Self.trunk(201, numbers: ["+11*"], callers: ["+441999*"]))
    let findings = ConfigurationLint(trunks: trunks, rules: []).findings(ofTrunk: 201)
    #expect(findings.count == ConfigurationLint.shownLimit)
    #expect(findings.allSatisfy { $0.kind == .overlappingTrunks && $0.sentence.utf8.count < 1000 })
  }

  @Test("a rule that names a thousand trunks that are not there is told so in few words each")
  func missingTrunks() {
    let trunks = (0..<5000).map { Self.trunk($0, numbers: [NumberPattern("+1555\(10_000 + $0)")]) }
    let rule = Self.rule(1, trunks: (0..<1000).map { "ST_no\($0)" })
    let findings = ConfigurationLint(trunks: trunks, rules: [rule]).findings(ofRule: 0)
    #expect(findings.count == 1000 && findings[0].sentence.hasSuffix("ST_7 and 4992 more"))
    #expect(findings.allSatisfy { $0.sentence.utf8.count < 200 })
  }

  @Test("a rule for all of ten thousand trunks beside ten thousand rules is judged")
  func shadows() {
    let trunks = (0..<10_000).map { Self.trunk($0, numbers: [NumberPattern("+1555\(10_000 + $0)")]) }
    let rules = (0..<10_000).map { Self.rule($0, trunks: ["ST_\($0)"]) } + [Self.rule(10_000)]
    #expect(ConfigurationLint(trunks: trunks, rules: rules).findings(ofRule: 10_000).isEmpty)
  }

  /// What `NumberSet` must say, the slow way.
  static func slowIntersection(_ a: [NumberPattern], _ b: [NumberPattern]) -> Set<NumberPattern> {
    Set(a.flatMap { mine in b.filter(mine.overlaps).map { mine.covers($0) ? $0 : mine } })
  }

  @Test("long lists of numbers are compared as short ones are", arguments: 0..<200)
  func sets(seed: UInt64) {
    var random = RandomSource.seeded(seed)
    func list() -> [NumberPattern] {
      (0..<Int.random(in: 1...40, using: &random)).map { _ in
        let digits = String(Int.random(in: 1...9999, using: &random)).prefix(Int.random(in: 1...4, using: &random))
        return NumberPattern(
          (Bool.random(using: &random) ? "+49" : "+48") + digits + (Bool.random(using: &random) ? "*" : ""))
      }
    }
    let (a, b) = (list(), list())
    let expected = Self.slowIntersection(a, b)
    let found = NumberSet(a).intersection(NumberSet(b))
    #expect((found == nil) == expected.isEmpty, "seed \(seed)")
    if let found { #expect(Set(found.patterns) == expected, "seed \(seed)") }
    let covers = b.allSatisfy { theirs in a.contains { $0.covers(theirs) } }
    #expect(NumberSet(a).covers(NumberSet(b)) == covers, "seed \(seed)")
  }
}
