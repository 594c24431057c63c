/// Totals of a media loop.
public struct MediaLoopStatistics: Hashable, Sendable {
  public var phoneLegs: Int = 0
  public var transports: Int = 0
  public var rooms: Int = 0
  public var datagramsReceived: UInt64 = 0
  public var datagramsSent: UInt64 = 0
  /// No room in the queue, or the kernel refused them.
  public var datagramsNotSent: UInt64 = 0
  /// On the WebRTC port, from an address of no transport.
  public var datagramsFromStrangers: UInt64 = 0
  /// Ticks that came more than 10 ms late.
  public var lateTicks: UInt64 = 0
  public var ticksSkipped: UInt64 = 0
  /// Share of the last second that the thread was busy, 0…1.
  public var load: Float = 0

  public init() {}
}
