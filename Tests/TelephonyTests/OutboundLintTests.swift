import Testing

@testable import Telephony

@Suite("Findings about outbound trunks")
struct OutboundLintTests {
  static func trunk(_ id: String, _ change: (inout OutboundTrunk) -> Void = { _ in }) -> OutboundTrunk {
    var trunk = OutboundTrunk(
      id: id, name: "name-\(id)", address: SIPHostPort(host: "h.example"), numbers: [NumberPattern("+1555010\(id)")])
    change(&trunk)
    return trunk
  }

  static func kinds(
    _ trunks: [OutboundTrunk], inbound: [InboundTrunk] = [], lists: Set<String> = []
  ) -> [LintFinding.Kind] {
    OutboundLint(trunks: trunks, inboundTrunks: inbound, doNotCallLists: lists).findings().map(\.kind)
  }

  @Test("nothing is found in trunks that fit")
  func fit() {
    let inbound = InboundTrunk(id: "ST_in", transfer: TransferPolicy(mode: .bridge, trunk: "name-1"))
    let first = Self.trunk("1") {
      $0.limits = DialPolicy(allowedDestinations: ["+1*"], deniedDestinations: ["+1900*"], doNotCallList: "dnc")
    }
    #expect(Self.kinds([first, Self.trunk("2")], inbound: [inbound], lists: ["dnc"]) == [])
    let only = InboundTrunk(id: "ST_in", transfer: TransferPolicy(mode: .bridge))
    #expect(Self.kinds([Self.trunk("1")], inbound: [only]) == [])
    #expect(Self.kinds([Self.trunk("1") { $0.transfer.mode = .bridge }, Self.trunk("2")]) == [])
  }

  @Test("ids are unique in both directions")
  func duplicates() {
    #expect(Self.kinds([Self.trunk("1"), Self.trunk("1") { $0.numbers = ["+9"] }]) == [.duplicateID])
    #expect(Self.kinds([Self.trunk("1")], inbound: [InboundTrunk(id: "1")]) == [.duplicateID])
  }

  @Test("a number on two trunks is a warning")
  func shared() {
    let findings = OutboundLint(
      trunks: [Self.trunk("1"), Self.trunk("2") { $0.numbers = ["1 (555) 0101", "*"] }], inboundTrunks: [],
      doNotCallLists: []
    ).findings()
    #expect(findings.map(\.kind) == [.sharedNumber] && findings.map(\.severity) == [.warning])
    #expect(findings.first?.value == "1 (555) 0101" && findings.first?.subject == .outboundTrunk(1))
  }

  @Test("a trunk that can dial nothing, and one whose list is missing, are errors")
  func dead() {
    let tables: [DialPolicy] = [
      DialPolicy(deniedDestinations: ["*"]), DialPolicy(allowedDestinations: ["+44"], deniedDestinations: ["+4*"]),
    ]
    for policy in tables { #expect(Self.kinds([Self.trunk("1") { $0.limits = policy }]) == [.noDestination]) }
    #expect(Self.kinds([Self.trunk("1") { $0.limits.doNotCallList = "x" }], lists: ["y"]) == [.missingList])
  }

  @Test("targets of transfers need one trunk to be dialled on")
  func transfers() {
    func inbound(_ policy: TransferPolicy) -> [InboundTrunk] { [InboundTrunk(id: "ST_in", transfer: policy)] }
    let two = [Self.trunk("1") { $0.name = "twin" }, Self.trunk("2") { $0.name = "twin" }]
    #expect(Self.kinds([], inbound: inbound(TransferPolicy(trunk: "x"))) == [.noTransferTrunk])
    #expect(Self.kinds(two, inbound: inbound(TransferPolicy(trunk: "twin"))) == [.noTransferTrunk])
    #expect(Self.kinds(two, inbound: inbound(TransferPolicy(mode: .bridgeOnly))) == [.noTransferTrunk])
    #expect(Self.kinds([], inbound: inbound(TransferPolicy(acceptsRefer: true))) == [.noTransferTrunk])
    let warning = OutboundLint(
      trunks: two, inboundTrunks: inbound(TransferPolicy(mode: .bridge)), doNotCallLists: []
    ).findings()
    #expect(warning.map(\.severity) == [.warning] && warning.first?.key == "transfer_mode")
  }
}
