/// Faint low-passed noise at 8 kHz, so that a line on which nobody can speak does not sound dead. Runs for ever.
public struct ComfortNoise: Sendable {
  /// About 60 dB below full scale, where a quiet room is heard on a telephone.
  private static let peak: Int32 = 150

  /// xorshift32; any start but zero.
  private var state: UInt32
  private var smoothed: Int32 = 0

  public init(seed: UInt32 = 0x9E37_79B9) { state = max(1, seed) }

  /// Adds the next samples to `samples`, saturating.
  public mutating func add(to samples: inout MutableSpan<Int16>) {
    for index in samples.indices {
      samples[unchecked: index] = Int16(clamping: Int32(samples[unchecked: index]) + next())
    }
  }

  private mutating func next() -> Int32 {
    state ^= state << 13
    state ^= state >> 17
    state ^= state << 5
    let sample = (Int32(truncatingIfNeeded: state >> 16) * (2 * Self.peak)) >> 16 - Self.peak
    // One pole at 370 Hz, in sixteenths: white noise hisses.
    smoothed += (sample * 16 - smoothed) / 4
    return smoothed / 16
  }
}
