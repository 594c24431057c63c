import Base

/// Totals of one WebRTC peer.
public struct TransportStatistics: Hashable, Sendable {
  public var packetsReceived: UInt64 = 0
  public var packetsSent: UInt64 = 0
  /// Failed authentication or replayed.
  public var packetsRejected: UInt64 = 0
  public var messagesDropped: UInt64 = 0
  /// From opening to a completed handshake. Nil when it never completed.
  public var connectDuration: Duration?

  public init() {}
}
