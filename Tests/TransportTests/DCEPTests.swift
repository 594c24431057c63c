import Testing

@testable import Transport

@Suite("data channel establishment")
struct DCEPTests {
  @Test(
    "DCEP messages are read as RFC 8832 has them, and nothing else is",
    arguments: [
      ("03000000000000000001000061", DCEP.Open(label: "a", isOrdered: true, reliability: .reliable)),
      ("0381000000000005000200007879", DCEP.Open(label: "xy", isOrdered: false, reliability: .retransmissions(5))),
      ("03020100000003e8000000027a7a", DCEP.Open(label: "", isOrdered: true, reliability: .milliseconds(1000))),
    ])
  func parsesOpen(hex: String, open: DCEP.Open) {
    let bytes = [UInt8](hex: hex)
    #expect(DCEP.parse(bytes: bytes) == .open(open))
    #expect(DCEP.parse(bytes: DCEP.message(for: open)) == .open(open))
    for count in 0..<bytes.count {
      let isParsed = DCEP.parse(bytes: Array(bytes[..<count])) != nil
      #expect(!isParsed, "\(count) bytes")
    }
    let isLongerParsed = DCEP.parse(bytes: (bytes + [0])) != nil
    #expect(!isLongerParsed)
  }

  @Test("DCEP nonsense", arguments: ["", "01", "04000000", "03030000000000000000000061"])
  func refusesDCEP(hex: String) {
    let isParsed = DCEP.parse(bytes: [UInt8](hex: hex)) != nil
    #expect(!isParsed)
  }
}
