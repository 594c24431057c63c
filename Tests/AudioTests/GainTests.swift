import Testing

@testable import Audio

@Suite("gain")
struct GainTests {
  @Test(
    "decibels become factors, and loud samples saturate",
    arguments: [
      (0.0, Int16(1000), Int16(1000)), (6.0206, 1000, 2000), (-6.0206, 1000, 500), (-6.0206, -1000, -500),
      (18, 30_000, 32_767), (18, -30_000, -32_768), (-200, 10_000, 100), (200, 1, 8),
    ])
  func applies(decibels: Double, sample: Int16, expected: Int16) {
    var samples = [sample]
    samples.withSpan { Gain(decibels: decibels).apply(to: &$0) }
    #expect(samples == [expected])
  }
}
