/// Settings of the 8 kHz Opus encoder of each phone leg. The defaults are transparent for a phone call, the cheapest
/// and the most robust under loss of those without in-band FEC.
public struct OpusOptions: Hashable, Sendable {
  public enum Application: Hashable, Sendable {
    /// CELT only, 2.5 ms of look-ahead.
    case lowDelay
    /// SILK, 6.5 ms of look-ahead.
    case voice
  }

  public var application: Application
  /// Bits a second, 6,000…128,000; the encoder clamps.
  public var bitRate: Int
  /// 0…10.
  public var complexity: Int
  /// In-band FEC; only `voice` has it.
  public var usesInbandFEC: Bool

  public init(
    application: Application = .lowDelay, bitRate: Int = 48_000, complexity: Int = 0, usesInbandFEC: Bool = false
  ) {
    self.application = application
    self.bitRate = bitRate
    self.complexity = complexity
    self.usesInbandFEC = usesInbandFEC
  }
}
