import Glibc

/// Changes the rate of a whole sound: a windowed sinc, 16 zero crossings a side, cut off below the lower rate's half.
/// For what is done once, when a file is read; allocates.
public struct Resampler: Sendable {
  private static let zeroCrossings = 16
  /// Share of the band that is kept: the rest is the filter's slope.
  private static let passband = 0.94

  private let isNeeded: Bool
  /// Output sample n lies at input position n * step / phaseCount.
  private let step: Int
  private let phaseCount: Int
  private let reach: Int
  /// For each phase, the weights of the inputs from `1 - reach` to `reach` around it.
  private let weights: [[Double]]

  /// - Precondition: both rates are positive.
  public init(fromHz: Int, toHz: Int) {
    precondition(fromHz > 0 && toHz > 0, "a sound has a rate")
    let divisor = Self.greatestCommonDivisor(fromHz, toHz)
    let (step, phaseCount) = (fromHz / divisor, toHz / divisor)
    self.step = step
    self.phaseCount = phaseCount
    isNeeded = fromHz != toHz
    let cutoff = min(1, Double(toHz) / Double(fromHz)) * Self.passband
    let reach = Int((Double(Self.zeroCrossings) / cutoff).rounded(.up))
    self.reach = reach
    weights = isNeeded ? (0..<phaseCount).map { Self.weights($0, of: phaseCount, reach: reach, cutoff: cutoff) } : []
  }

  /// Results saturate.
  public func resample(_ samples: [Int16]) -> [Int16] {
    guard isNeeded else { return samples }
    return (0..<samples.count * phaseCount / step).map { index in
      let position = index * step
      let (whole, phase) = position.quotientAndRemainder(dividingBy: phaseCount)
      let first = whole - reach + 1
      let taps = weights[phase]
      var sum = 0.0
      for tap in max(0, -first)..<max(max(0, -first), min(taps.count, samples.count - first)) {
        sum += taps[tap] * Double(samples[first + tap])
      }
      return Int16(clamping: Int(sum.rounded()))
    }
  }

  private static func weights(_ phase: Int, of phaseCount: Int, reach: Int, cutoff: Double) -> [Double] {
    let raw = (1 - reach...reach).map { offset -> Double in
      let distance = Double(offset) - Double(phase) / Double(phaseCount)
      let angle = .pi * distance * cutoff
      let sinc = angle == 0 ? 1 : sin(angle) / angle
      // Blackman.
      let turn = .pi * distance / Double(reach)
      let window = abs(distance) >= Double(reach) ? 0 : 0.42 + 0.5 * cos(turn) + 0.08 * cos(2 * turn)
      return sinc * window
    }
    let sum = raw.reduce(0, +)
    return raw.map { $0 / sum }
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
}
