import COpus

/// The Opus encoder of an agent's SDK: 48 kHz mono in the speech mode, 20 ms a packet.
struct WidebandEncoder: ~Copyable {
  static let frameSampleCount = 960

  private let encoder: OpaquePointer

  /// Nil when memory is short.
  init?(bitsPerSecond: Int32, complexity: Int32) {
    guard let encoder = opus_encoder_create(48_000, 1, OPUS_APPLICATION_VOIP, nil) else { return nil }
    _ = copus_set_bitrate(encoder, bitsPerSecond)
    _ = copus_set_complexity(encoder, complexity)
    self.encoder = encoder
  }

  deinit { opus_encoder_destroy(encoder) }

  /// Encodes one frame into `packet` and returns the packet's length.
  mutating func encode(_ samples: ArraySlice<Int16>, into packet: inout [UInt8]) -> Int {
    samples.withUnsafeBufferPointer { samples in
      guard let start = samples.baseAddress else { return 0 }
      return Int(max(opus_encode(encoder, start, Int32(samples.count), &packet, Int32(packet.count)), 0))
    }
  }

  /// The whole speech, a packet for each frame.
  mutating func packets(of speech: Speech) -> [[UInt8]] {
    var buffer = [UInt8](repeating: 0, count: 1000)
    let samples = speech.samplesAt48kHz
    return (0..<speech.frameCount).map { index in
      let count = encode(samples[(index * Self.frameSampleCount)...].prefix(Self.frameSampleCount), into: &buffer)
      return Array(buffer[..<count])
    }
  }
}
