import Glibc

/// Loudness as RFC 6464 §3 writes it: the negative of dBov, 0 (a full-scale square wave) to 127 (silence).
public enum AudioLevel {
  public static let silence: UInt8 = 127

  public static func level(of samples: Span<Int16>) -> UInt8 {
    guard !samples.isEmpty else { return silence }
    var energy: Int64 = 0
    for index in samples.indices {
      let sample = Int64(samples[unchecked: index])
      energy &+= sample &* sample
    }
    guard energy > 0 else { return silence }
    let meanSquare = Double(energy) / Double(samples.count)
    let decibels = 10 * log10(meanSquare / (32_767 * 32_767))
    return UInt8(min(max(-decibels.rounded(), 0), 127))
  }

  /// The same as an amplitude: 0…1, where 1 is full scale.
  public static func amplitude(ofLevel level: UInt8) -> Double {
    level >= silence ? 0 : pow(10, -Double(level) / 20)
  }
}
