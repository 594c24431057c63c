import CSpanDSP
import Testing

@testable import Audio

@Suite("tones")
struct DualToneTests {
  @Test("spandsp's receiver reads each digit", arguments: Array("0123456789*#ABCD"))
  func digitIsDetected(digit: Character) throws {
    var tone = try #require(DualTone(digit: digit))
    var samples = [Int16](repeating: 0, count: 1600)
    samples.withSpan { tone.fill(&$0) }
    let receiver = try #require(dtmf_rx_init(nil, nil, nil))
    defer { dtmf_rx_free(receiver) }
    _ = dtmf_rx(receiver, samples, Int32(samples.count))
    var digits = [CChar](repeating: 0, count: 8)
    let count = dtmf_rx_get(receiver, &digits, 7)
    #expect(count == 1)
    #expect(UInt8(bitPattern: digits[0]) == digit.asciiValue)
  }

  @Test("there is no tone for what is no digit", arguments: Array("aEw \u{0660}"))
  func noSuchDigit(character: Character) {
    #expect(DualTone(digit: character) == nil)
  }

  @Test("the dial tone is 425 Hz at half amplitude for 1 s, then silent for 4 s, and so on")
  func dialTone() {
    var tone = DualTone.dialTone
    var samples = [Int16](repeating: 1, count: 48_000)
    samples.withSpan { tone.fill(&$0) }
    let on = Array(samples[..<8000])
    #expect(abs(on.amplitude(atHz: 425) - 16_383) < 10)
    #expect(abs(decibels(on.rms * 2.0.squareRoot(), over: 16_383)) < 0.01)
    #expect(samples[8000..<40_000].allSatisfy { $0 == 0 })
    #expect(abs(Array(samples[40_000...]).amplitude(atHz: 425) - 16_383) < 10)
  }

  @Test("an hour later the tone is as loud and as high as at first")
  func isStable() {
    var tone = DualTone(lowHz: 440, highHz: 0, amplitude: 0.5)
    var second = [Int16](repeating: 0, count: 8000)
    for _ in 0..<3600 { second.withSpan { tone.fill(&$0) } }
    #expect(abs(second.amplitude(atHz: 440) - 16_383) < 2)
  }
}
