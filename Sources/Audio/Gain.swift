import Glibc

/// A fixed amplification in 1/4096 steps. Results saturate.
public struct Gain: Hashable, Sendable {
  private let factor: Int32

  /// `decibels` is clamped to -40…+18.
  public init(decibels: Double) {
    factor = Int32((4096 * pow(10, min(max(decibels, -40), 18) / 20)).rounded())
  }

  public static let unity = Gain(decibels: 0)

  public func apply(to samples: inout MutableSpan<Int16>) {
    for index in samples.indices {
      let product = (Int32(samples[unchecked: index]) &* factor &+ 2048) >> 12
      samples[unchecked: index] = Int16(clamping: product)
    }
  }
}
