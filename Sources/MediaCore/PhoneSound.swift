/// Recorded sound that phone legs may hear: 8 kHz mono samples, made once, shared by all legs that play them.
public final class PhoneSound: Sendable {
  public static let sampleRateHz = 8000
  public static let maximumDuration = Duration.seconds(300)
  public static let maximumSampleCount = sampleRateHz * 300

  // Written in `init` alone, freed in `deinit`: legs on several threads read it.
  nonisolated(unsafe) let samples: UnsafeMutableBufferPointer<Int16>

  /// Nil when there is nothing to play or more than `maximumSampleCount`.
  public init?(_ samples: [Int16]) {
    guard !samples.isEmpty, samples.count <= Self.maximumSampleCount else { return nil }
    self.samples = .allocate(capacity: samples.count)
    _ = self.samples.initialize(from: samples)
  }

  deinit { samples.deallocate() }

  public var duration: Duration { .microseconds(Int64(samples.count) * 1_000_000 / Int64(Self.sampleRateHz)) }
}

/// One playing of a sound.
public struct PhonePlayback: Sendable {
  /// Chosen by the gateway; comes back in `MediaEvent.soundPlayed`.
  public var id: UInt64
  public var sound: PhoneSound
  /// Starts again at its end, until it is stopped or replaced.
  public var repeats: Bool

  public init(id: UInt64, sound: PhoneSound, repeats: Bool = false) {
    self.id = id
    self.sound = sound
    self.repeats = repeats
  }
}

/// Where a leg is in the sound that it plays. Reads samples through a pointer: no reference count per packet.
struct PhoneSoundPlayer: ~Copyable {
  private let playback: PhonePlayback
  private let samples: UnsafeMutableBufferPointer<Int16>
  private var position = 0

  init(_ playback: PhonePlayback) {
    self.playback = playback
    samples = playback.sound.samples
  }

  var id: UInt64 { playback.id }

  /// Writes the next samples over all of `frame`, silence behind the last one. True when that was the last one.
  mutating func fill(_ frame: UnsafeMutableBufferPointer<Int16>) -> Bool {
    var filled = 0
    while filled < frame.count {
      if position == samples.count {
        guard playback.repeats else { break }
        position = 0
      }
      let count = min(frame.count - filled, samples.count - position)
      _ = frame.extracting(filled..<filled + count).update(
        fromContentsOf: samples.extracting(position..<position + count))
      position += count
      filled += count
    }
    frame.extracting(filled..<frame.count).update(repeating: 0)
    return position == samples.count && !playback.repeats
  }
}
