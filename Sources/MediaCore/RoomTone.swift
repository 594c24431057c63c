import Audio

/// A tone that a room hears instead of its phone, a frame in each tick.
struct RoomTone: ~Copyable {
  private var tone: DualTone
  private let frame: UnsafeMutableBufferPointer<Int16>

  init(_ tone: PhoneTone) {
    self.tone = DualTone(tone)
    frame = .allocate(capacity: Mixer.frameSampleCount)
    frame.initialize(repeating: 0)
  }

  deinit { frame.deallocate() }

  /// The next 20 ms; valid until the next call.
  mutating func next() -> UnsafeBufferPointer<Int16> {
    var span = frame.mutableSpan
    tone.fill(&span)
    return UnsafeBufferPointer(frame)
  }
}

extension DualTone {
  init(_ tone: PhoneTone) {
    self.init(
      lowHz: Double(tone.firstHz), highHz: Double(tone.secondHz), amplitude: tone.secondHz > 0 ? 0.25 : 0.5,
      on: tone.on, off: tone.off)
  }
}
