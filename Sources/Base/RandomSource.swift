/// Where random names and choices come from.
public enum RandomSource: RandomNumberGenerator, Sendable {
  /// The system's secure source.
  case system
  /// The same words in every run (SplitMix64), for tests.
  case seeded(UInt64)

  public mutating func next() -> UInt64 {
    guard case .seeded(let state) = self else {
      var system = SystemRandomNumberGenerator()
      return system.next()
    }
    let next = state &+ 0x9E37_79B9_7F4A_7C15
    self = .seeded(next)
    var word = next
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
