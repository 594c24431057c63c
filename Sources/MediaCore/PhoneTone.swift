/// A repeating tone that a phone leg hears instead of its room.
public struct PhoneTone: Hashable, Sendable {
  /// One or two sine waves; a second frequency of 0 means one.
  public var firstHz: Int
  public var secondHz: Int
  public var on: Duration
  /// Zero: the tone never pauses.
  public var off: Duration

  public init(firstHz: Int, secondHz: Int = 0, on: Duration, off: Duration) {
    self.firstHz = firstHz
    self.secondHz = secondHz
    self.on = on
    self.off = off
  }

  /// 425 Hz, 1 s in 5: what a caller hears while another phone rings (ITU-T E.180 recommended).
  public static let ringback = PhoneTone(firstHz: 425, on: .seconds(1), off: .seconds(4))
  /// 425 Hz, half a second in one: busy (ITU-T E.180 recommended).
  public static let busy = PhoneTone(firstHz: 425, on: .milliseconds(500), off: .milliseconds(500))
}
