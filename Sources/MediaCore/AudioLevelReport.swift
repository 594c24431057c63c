/// How loud a track was. RFC 6464 levels as LiveKit reports them.
public struct AudioLevelReport: Hashable, Sendable {
  /// 0 (silence) … 1 (full scale), linear.
  public var level: Float
  /// Loud for long enough to count as speech.
  public var isActive: Bool

  public init(level: Float, isActive: Bool) {
    self.level = level
    self.isActive = isActive
  }
}
