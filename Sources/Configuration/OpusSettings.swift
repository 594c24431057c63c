/// How a caller's 8 kHz speech is encoded for the room (`opus`).
public struct OpusSettings: Sendable, Equatable {
  public enum Application: String, Sendable, CaseIterable {
    /// CELT: least delay and least work.
    case lowDelay = "lowdelay"
    /// SILK: allows in-band FEC.
    case voip
    case audio
  }

  public var application = Application.lowDelay
  public var bitrateBitsPerSecond = 48_000
  /// 0…10.
  public var complexity = 0

  public init() {}
}
