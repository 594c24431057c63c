import Base

/// Totals of one track that a WebRTC peer publishes.
public struct ReceivedTrackStatistics: Hashable, Sendable {
  public var packetsReceived: UInt64 = 0
  public var bytesReceived: UInt64 = 0
  public var packetsLost: Int64 = 0
  /// Share of packets lost in the last second, 0…1.
  public var recentLoss: Float = 0
  public var jitter: Duration = .zero
  /// Towards phone legs: 20 ms frames made up by the decoder.
  public var framesConcealed: UInt64 = 0
  /// Towards phone legs: how much audio the jitter buffer holds back.
  public var playoutDelay: Duration = .zero

  public init() {}
}
