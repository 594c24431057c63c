import Base

/// Totals of one track towards one subscriber.
public struct SentTrackStatistics: Hashable, Sendable {
  public var packetsSent: UInt64 = 0
  public var bytesSent: UInt64 = 0
  public var packetsRetransmitted: UInt64 = 0
  /// From the subscriber's receiver reports (RFC 3550 §6.4.1).
  public var packetsLost: Int64 = 0
  /// Share lost between its last two reports, 0…1.
  public var recentLoss: Float = 0
  public var jitter: Duration = .zero
  /// Nil before the first report that echoes one of ours.
  public var roundTripTime: Duration?

  public init() {}
}
