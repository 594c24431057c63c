import Testing

@testable import Audio

@Suite("audio level")
struct AudioLevelTests {
  private static let signals: [([Int16], UInt8)] = [
    ([Int16](repeating: .max, count: 160), 0),
    ([Int16](repeating: 0, count: 160), 127),
    ([], 127),
    ([Int16](repeating: 3277, count: 160), 20),
    ([Int16].tone(1000, peak: 32_767, count: 160), 3),
    ([Int16](repeating: 1, count: 160), 90),
  ]

  @Test("RFC 6464 levels of signals whose level is known", arguments: signals)
  func levels(samples: [Int16], level: UInt8) {
    #expect(AudioLevel.level(of: samples.span) == level)
  }

  @Test("a level as an amplitude", arguments: [(UInt8(0), 1.0), (20, 0.1), (127, 0), (255, 0)])
  func amplitudes(level: UInt8, amplitude: Double) {
    #expect(abs(AudioLevel.amplitude(ofLevel: level) - amplitude) < 1e-9)
  }
}
