import CSpanDSP
import Testing

@testable import Audio

@Suite("G.711")
struct G711Tests {
  @Test("every one of the 65,536 samples is encoded as spandsp encodes it", arguments: [G711.pcmu, .pcma])
  func encodesLikeSpanDSP(law: G711) {
    let samples = (0..<1 << 16).map { Int16(truncatingIfNeeded: $0) }
    var octets = [UInt8](repeating: 0, count: samples.count)
    octets.withRaw { law.encode(samples.span, into: &$0) }
    let expected = samples.map { law == .pcmu ? linear_to_ulaw(Int32($0)) : linear_to_alaw(Int32($0)) }
    let firstDifference = zip(octets, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    #expect(firstDifference == nil)
  }

  @Test("every one of the 256 codes is decoded as spandsp decodes it", arguments: [G711.pcmu, .pcma])
  func decodesLikeSpanDSP(law: G711) {
    let octets = (0..<1 << 8).map { UInt8($0) }
    var samples = [Int16](repeating: 0, count: 256)
    var count = 0
    samples.withSpan { count = law.decode(octets.span.bytes, into: &$0) }
    #expect(count == 256)
    #expect(samples == octets.map { law == .pcmu ? ulaw_to_linear($0) : alaw_to_linear($0) })
  }

  @Test(
    "values that everyone can check by hand",
    arguments: [
      (G711.pcmu, Int16(0), UInt8(0xFF)), (.pcmu, -1, 0x7F), (.pcmu, .max, 0x80), (.pcmu, .min, 0x00),
      (.pcma, 0, 0xD5), (.pcma, -1, 0x55), (.pcma, .max, 0xAA), (.pcma, .min, 0x2A),
    ])
  func knownValues(law: G711, sample: Int16, octet: UInt8) {
    var octets: [UInt8] = [0]
    octets.withRaw { law.encode([sample].span, into: &$0) }
    #expect(octets == [octet])
  }

  @Test("silence is the code of zero", arguments: [G711.pcmu, .pcma])
  func silence(law: G711) {
    var octets: [UInt8] = [0]
    octets.withRaw { law.encode([Int16(0)].span, into: &$0) }
    #expect(octets == [law.silence])
  }

  @Test("a frame is written behind a header, and nothing else changes")
  func writesAtOffset() {
    var packet = [UInt8](repeating: 0xAB, count: 20)
    packet.withRaw { G711.pcmu.encode([Int16](repeating: 0, count: 4).span, into: &$0, at: 12) }
    #expect(packet == [UInt8](repeating: 0xAB, count: 12) + [0xFF, 0xFF, 0xFF, 0xFF] + [0xAB, 0xAB, 0xAB, 0xAB])
  }

  @Test("a payload longer than the room is cut")
  func decodesNoMoreThanFits() {
    var samples = [Int16](repeating: 7, count: 2)
    var count = 0
    samples.withSpan { count = G711.pcma.decode([UInt8](repeating: 0xD5, count: 5).span.bytes, into: &$0) }
    #expect(count == 2)
    #expect(samples == [8, 8])
  }
}
