import Base
import Glibc
import RTP

/// What the test phone hears, put where its RTP timestamps say: a lost packet is a gap and shortens nothing.
struct DialRecording {
  static let sampleRateHz = 8000
  /// An hour of sound.
  static let sampleLimit = 3600 * sampleRateHz
  /// A timestamp further than this from where the packet's arrival would put it begins a new line of timestamps.
  private static let jumpSampleCount = 2 * sampleRateHz
  private static let frameSampleCount = sampleRateHz / 50
  /// -60 dBov.
  private static let silenceLimit = 33.0

  private(set) var samples: [Int16] = []
  private var ssrc: UInt32?
  private var origin: UInt32 = 0
  private var originPosition = 0
  private var start: MonotonicTime?

  mutating func add(_ sound: [Int16], _ header: RTPHeader, at now: MonotonicTime) {
    let start = self.start ?? now
    self.start = start
    let arrival = Int((now - start).wholeNanoseconds / (1_000_000_000 / Int64(Self.sampleRateHz)))
    var position = originPosition + Int(Int32(bitPattern: header.timestamp &- origin))
    if ssrc != header.ssrc || abs(position - arrival) > Self.jumpSampleCount {
      ssrc = header.ssrc
      origin = header.timestamp
      originPosition = arrival
      position = arrival
    }
    guard position >= 0, position + sound.count <= Self.sampleLimit else { return }
    let missing = position + sound.count - samples.count
    if missing > 0 { samples.append(contentsOf: repeatElement(0, count: missing)) }
    for (index, sample) in sound.enumerated() { samples[position + index] = sample }
  }

  var heard: DialReport.Heard {
    var heard = DialReport.Heard()
    heard.seconds = Double(samples.count) / Double(Self.sampleRateHz)
    let levels = frameLevels
    let loud = levels.filter { $0 > Self.silenceLimit }
    guard !levels.isEmpty else { return heard }
    heard.silentShare = Double(levels.count - loud.count) / Double(levels.count)
    guard !loud.isEmpty else { return heard }
    let meanSquare = loud.reduce(0) { $0 + $1 * $1 } / Double(loud.count)
    heard.levelDecibels = 10 * log10(meanSquare / (32_767 * 32_767))
    heard.frequencyHz = Self.strongestFrequency(loudestSecond(levels))
    return heard
  }

  /// Root mean square of each frame.
  private var frameLevels: [Double] {
    stride(from: 0, to: samples.count - Self.frameSampleCount + 1, by: Self.frameSampleCount).map { start in
      let frame = samples[start..<start + Self.frameSampleCount]
      return (frame.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(frame.count)).squareRoot()
    }
  }

  private func loudestSecond(_ levels: [Double]) -> ArraySlice<Int16> {
    let framesPerSecond = 50
    var best = 0
    var bestEnergy = 0.0
    for start in stride(from: 0, to: max(1, levels.count - framesPerSecond + 1), by: framesPerSecond / 2) {
      let energy = levels[start..<min(start + framesPerSecond, levels.count)].reduce(0) { $0 + $1 * $1 }
      if energy > bestEnergy { (best, bestEnergy) = (start, energy) }
    }
    let first = best * Self.frameSampleCount
    return samples[first..<min(first + Self.sampleRateHz, samples.count)]
  }

  /// Goertzel's filter over the telephone band, in steps of 10 Hz and then of half a hertz.
  private static func strongestFrequency(_ sound: ArraySlice<Int16>) -> Double? {
    guard sound.count >= sampleRateHz / 10 else { return nil }
    func strongest(_ candidates: StrideThrough<Double>) -> Double? {
      candidates.max { power(sound, frequencyHz: $0) < power(sound, frequencyHz: $1) }
    }
    // A window of a tenth of a second for the coarse search: its filters are 10 Hz wide.
    let coarseSound = sound.prefix(sampleRateHz / 10)
    let coarse = stride(from: 50.0, through: 3800, by: 10).max {
      power(coarseSound, frequencyHz: $0) < power(coarseSound, frequencyHz: $1)
    }
    guard let coarse else { return nil }
    return strongest(stride(from: coarse - 15, through: coarse + 15, by: 0.5))
  }

  private static func power(_ sound: ArraySlice<Int16>, frequencyHz: Double) -> Double {
    let factor = 2 * cos(2 * .pi * frequencyHz / Double(sampleRateHz))
    var (last, beforeLast) = (0.0, 0.0)
    for sample in sound { (last, beforeLast) = (Double(sample) + factor * last - beforeLast, last) }
    return last * last + beforeLast * beforeLast - factor * last * beforeLast
  }
}
