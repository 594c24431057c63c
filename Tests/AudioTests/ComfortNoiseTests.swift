import Testing

@testable import Audio

@Suite("Comfort noise")
struct ComfortNoiseTests {
  private func noise(_ count: Int, over sample: Int16 = 0) -> [Int16] {
    var samples = [Int16](repeating: sample, count: count)
    var noise = ComfortNoise()
    var span = samples.mutableSpan
    noise.add(to: &span)
    return samples
  }

  @Test("it is faint, steady and without a bias")
  func level() {
    let samples = noise(80_000)
    for start in stride(from: 0, to: samples.count, by: 1_600) {
      let level = AudioLevel.level(of: Array(samples[start..<(start + 1_600)]).span)
      #expect((57...63).contains(level))
    }
    let mean = samples.reduce(0) { $0 + Int($1) } / samples.count
    #expect(abs(mean) <= 2)
  }

  @Test("it does not repeat itself within a second")
  func period() {
    let samples = noise(16_000)
    for shift in stride(from: 40, through: 8_000, by: 40) {
      let equal = (0..<8_000).count { samples[$0] == samples[$0 + shift] }
      #expect(equal < 2_000, "shift \(shift)")
    }
  }

  @Test("what is loud already is not turned over")
  func saturates() {
    #expect(noise(8_000, over: .max).allSatisfy { $0 > 32_000 })
    #expect(noise(8_000, over: .min).allSatisfy { $0 < -32_000 })
  }
}
