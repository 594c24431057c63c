import Testing

@testable import Audio

@Suite("mixing")
struct MixerTests {
  private func frame(_ value: Int16) -> [Int16] { [Int16](repeating: value, count: Mixer.frameSampleCount) }

  @Test("each speaker hears the others and not himself, a listener hears all", arguments: [2, 3, 5])
  func nMinusOne(speakers: Int) {
    let frames = (0..<speakers).map { frame(Int16(100 << $0)) }
    var mixer = Mixer()
    for frame in frames { mixer.add(frame.span) }
    let total = frames.map { Int($0[0]) }.reduce(0, +)
    for own in frames {
      var heard = frame(-1)
      heard.withSpan { mixer.mixMinus(own.span, into: &$0) }
      #expect(heard == frame(Int16(total) - own[0]))
    }
    var all = frame(-1)
    all.withSpan { mixer.mix(into: &$0) }
    #expect(all == frame(Int16(total)))
    let count = mixer.speakerCount
    #expect(count == speakers)
  }

  @Test("a sum too loud for 16 bits saturates, and subtracting oneself happens before that")
  func saturates() {
    var mixer = Mixer()
    let loud = frame(.max)
    let deep = frame(.min)
    for _ in 0..<3 { mixer.add(loud.span) }
    var heard = frame(0)
    heard.withSpan { mixer.mix(into: &$0) }
    #expect(heard == loud)
    mixer.add(deep.span)
    heard.withSpan { mixer.mixMinus(loud.span, into: &$0) }
    // 2 × 32,767 − 32,768 = 32,766: exact, although the sum of all went beyond 16 bits.
    #expect(heard == frame(32_766))
  }

  @Test("a short frame counts as followed by silence, for him who sent it too")
  func shortFrame() {
    var mixer = Mixer()
    let short = [Int16](repeating: 50, count: 80)
    mixer.add(short.span)
    mixer.add(frame(7).span)
    var heard = frame(0)
    heard.withSpan { mixer.mixMinus(short.span, into: &$0) }
    #expect(heard == frame(7))
  }

  @Test("clear forgets the last tick")
  func clears() {
    var mixer = Mixer()
    mixer.add(frame(9).span)
    mixer.clear()
    var heard = frame(1)
    heard.withSpan { mixer.mix(into: &$0) }
    #expect(heard == frame(0))
  }
}
