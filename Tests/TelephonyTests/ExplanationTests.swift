import Base
import Testing

@testable import Telephony

@Suite("Explanations")
struct ExplanationTests {
  static let twilio = InboundTrunk(
    id: "ST_1", name: "twilio", numbers: ["+15550100"], allowedAddresses: ["54.172.60.0/30"])
  static let office = InboundTrunk(id: "ST_2", name: "office", allowedAddresses: ["pbx.example.com"])

  static func call(
    from: String = "+15557654321", to: String = "+15550100", source: String = "54.172.60.1"
  ) -> CallFacts {
    CallFacts(callID: "SCL_x", fromUser: from, toUser: to, source: IPAddress(source))
  }

  static func refusal(_ dispatcher: Dispatcher, _ call: CallFacts) -> Refusal? {
    var generator = SystemRandomNumberGenerator()
    guard case .refuse(let refusal) = dispatcher.decide(call, addresses: AddressTable(), using: &generator) else {
      return nil
    }
    return refusal
  }

  @Test(
    "a refusal names what came nearest and the condition that failed",
    arguments: [
      (
        call(source: "203.0.113.9"), RefusalReason.noTrunk,
        "no inbound trunk takes the call; nearest is trunk twilio, but its allowed_addresses (54.172.60.0/30) "
          + "do not hold the source 203.0.113.9"
      ),
      (
        call(to: "+15550199"), .noTrunk,
        "no inbound trunk takes the call; nearest is trunk twilio, but its numbers (+15550100) "
          + "do not hold the called number +15550199"
      ),
      (
        call(to: "+441", source: "203.0.113.9"), .noTrunk,
        "no inbound trunk takes the call; nearest is trunk office, but its allowed_addresses (pbx.example.com) "
          + "do not hold the source 203.0.113.9; no address is known for pbx.example.com"
      ),
      (
        call(from: "+447"), .noRule,
        "no dispatch rule takes the call; nearest is rule vip, but its inbound_numbers (+1555*) "
          + "do not hold the calling number +447"
      ),
    ])
  func nearest(call: CallFacts, reason: RefusalReason, sentence: String) {
    let rules = [
      DispatchRule(id: "SDR_1", name: "vip", kind: .individual(), trunkIDs: ["twilio"], inboundNumbers: ["+1555*"]),
      DispatchRule(id: "SDR_2", name: "rest", kind: .individual(), trunkIDs: ["office"]),
    ]
    let refusal = Self.refusal(Dispatcher(trunks: [Self.office, Self.twilio], rules: rules), call)
    #expect(refusal?.reason == reason)
    #expect(refusal?.sentence == sentence)
    #expect(refusal?.status == SIPStatus(404, "Not Found"))
  }

  @Test("nothing configured is said so")
  func nothing() {
    #expect(Self.refusal(Dispatcher(trunks: [], rules: []), Self.call())?.sentence == "no inbound trunk is configured")
    let noRules = Self.refusal(Dispatcher(trunks: [Self.twilio], rules: []), Self.call())
    #expect(noRules?.sentence == "no dispatch rule is configured")
  }

  @Test("an accepted call: each trunk and rule in ascending id with what became of it")
  func accepted() {
    let rules = [
      DispatchRule(id: "SDR_3", name: "open", kind: .direct(roomName: "lobby")),
      DispatchRule(id: "SDR_1", name: "agents", kind: .individual(roomPrefix: "call-"), trunkIDs: ["twilio"]),
      DispatchRule(id: "SDR_2", name: "vip", kind: .individual(), trunkIDs: ["ST_1"], inboundNumbers: ["+44"]),
    ]
    let any = InboundTrunk(id: "ST_3", name: "any")
    let dispatcher = Dispatcher(trunks: [any, Self.office, Self.twilio], rules: rules)
    let explanation = dispatcher.explain(Self.call(), addresses: AddressTable())
    #expect(explanation.trunks.map(\.label) == ["twilio", "office", "any"])
    #expect(explanation.trunks.map(\.result) == [.chosen, .failed, .outranked])
    #expect(explanation.trunks.map(\.failedKey) == [nil, "allowed_addresses", nil])
    #expect(explanation.rules.map(\.label) == ["agents", "vip", "open"])
    #expect(explanation.rules.map(\.result) == [.chosen, .failed, .outranked])
    #expect(explanation.rules[1].sentence == "inbound_numbers (+44) do not hold the calling number +15557654321")
    #expect(explanation.rules[2].sentence == "fits, but rule agents names the trunk")
    #expect(explanation.isAccepted)
    #expect(explanation.roomName == "call-_+15557654321_<12 characters>")
    #expect(explanation.identity == "sip_+15557654321")
    #expect(explanation.sipStatus == 200)
    #expect(!explanation.requiresDigest)
    let room = "call-_+15557654321_<12 characters>"
    #expect(explanation.sentence == "trunk twilio and rule agents take the call into room \(room)")
  }

  @Test("a refused call is explained down to the rules, so that the second obstacle shows with the first")
  func refused() {
    let rules = [DispatchRule(id: "SDR_1", name: "open", kind: .individual())]
    let explanation = Dispatcher(trunks: [Self.twilio], rules: rules)
      .explain(Self.call(source: "203.0.113.9"), addresses: AddressTable())
    #expect(!explanation.isAccepted)
    #expect(explanation.reason == "no-trunk")
    #expect(explanation.sipStatus == 404)
    #expect(explanation.trunks.map(\.result) == [.failed])
    #expect(explanation.rules.map(\.result) == [.outranked])
    #expect(explanation.rules[0].sentence == "fits, but no trunk lets the call in")
    #expect(explanation.roomName == nil)
  }

  @Test("conflicts of trunks and rules show on both")
  func conflicts() {
    var twin = Self.twilio
    twin.id = "ST_9"
    twin.name = "twin"
    let rules = [
      DispatchRule(id: "SDR_1", name: "a", kind: .individual()), DispatchRule(id: "SDR_2", name: "b", kind: .callee()),
      DispatchRule(id: "SDR_3", name: "c", kind: .callee(), numbers: ["+15550100"]),
    ]
    let explanation = Dispatcher(trunks: [Self.twilio, twin], rules: rules)
      .explain(Self.call(), addresses: AddressTable())
    #expect(explanation.trunks.map(\.result) == [.conflicting, .conflicting])
    #expect(explanation.trunks.map(\.sentence) == ["fits as well as trunk twin", "fits as well as trunk twilio"])
    #expect(explanation.rules.map(\.result) == [.conflicting, .conflicting, .outranked])
    #expect(explanation.reason == "several-trunks")
  }

  @Test("credentials and PINs are announced")
  func credentials() {
    var trunk = Self.twilio
    trunk.authUsername = "u"
    trunk.authPassword = "p"
    let rules = [DispatchRule(id: "SDR_1", kind: .direct(roomName: "r", pin: "1"))]
    let explanation = Dispatcher(trunks: [trunk], rules: rules).explain(Self.call(), addresses: AddressTable())
    #expect(explanation.requiresDigest)
    #expect(explanation.requiresPIN)
    #expect(explanation.isAccepted)
    #expect(explanation.roomName == nil)
  }

  @Test("hostile numbers reach a sentence without control characters and cut short")
  func hostile() throws {
    let refusal = try #require(
      Self.refusal(
        Dispatcher(trunks: [Self.twilio], rules: []),
        Self.call(to: "a\r\nX: y" + String(repeating: "z", count: 5000))))
    #expect(!refusal.sentence.unicodeScalars.contains { $0.value < 0x20 })
    #expect(refusal.sentence.count < 300)
  }

  @Test("a long list is cut in a sentence")
  func longList() throws {
    let numbers = (100..<200).map { NumberPattern("+1555\($0)") }
    let trunk = InboundTrunk(id: "A", numbers: numbers)
    let refusal = try #require(Self.refusal(Dispatcher(trunks: [trunk], rules: []), Self.call()))
    #expect(refusal.sentence.contains("+1555105 and 94 more"))
  }
}
