import Audio

/// One tick of a room's mixer: every speaker added, every speaker given all but himself.
enum MixerBenchmark {
  private static let group = "Mixer, a tick of 20 ms"

  static func run(_ speech: Speech, _ stopwatch: Stopwatch, _ report: inout Report) {
    for speakers in [2, 10, 100] {
      var mixer = Mixer()
      var frame = [Int16](repeating: 0, count: Mixer.frameSampleCount)
      let cost = stopwatch.nanoseconds(calls: 20_000 / speakers) { call in
        mixer.clear()
        for speaker in 0..<speakers { mixer.add(speech.samples.span.extracting(speech.range(call + speaker))) }
        for speaker in 0..<speakers {
          var mixed = frame.mutableSpan
          mixer.mixMinus(speech.samples.span.extracting(speech.range(call + speaker)), into: &mixed)
          consume(frame[call % frame.count])
        }
      }
      report.add(group, "\(speakers) speakers who hear each other", cost, "ns")
    }
  }
}
