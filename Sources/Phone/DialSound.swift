import Audio

/// What the test phone says, sample by sample at 8 kHz.
enum DialSound: Sendable {
  case tone(DualTone)
  case samples([Int16], position: Int)
  case silence

  init(_ sound: DialOptions.Sound) throws(DialError) {
    switch sound {
    case .silence: self = .silence
    // The peak of a sine at -9 dBov: a full-scale sine is at -3.
    case .tone(let frequencyHz):
      guard frequencyHz > 0, frequencyHz < Double(DualTone.sampleRateHz) / 2 else {
        throw DialError("a tone of \(frequencyHz) Hz: expected more than 0 and less than 4000")
      }
      self = .tone(DualTone(lowHz: frequencyHz, highHz: 0, amplitude: 0.5012))
    case .file(let path): self = .samples(try DialWaveFile.read(path), position: 0)
    }
  }

  /// True when what is left is silence. A tone never ends.
  var isAtEnd: Bool {
    switch self {
    case .tone: false
    case .samples(let samples, let position): position >= samples.count
    case .silence: true
    }
  }

  mutating func next(_ count: Int) -> [Int16] {
    var frame = [Int16](repeating: 0, count: count)
    switch self {
    case .silence: break
    case .tone(var tone):
      var span = frame.mutableSpan
      tone.fill(&span)
      self = .tone(tone)
    case .samples(let samples, let position):
      let part = samples[min(position, samples.count)..<min(position + count, samples.count)]
      frame.replaceSubrange(0..<part.count, with: part)
      self = .samples(samples, position: position + count)
    }
    return frame
  }
}
