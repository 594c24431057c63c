import Base

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

/// Totals of a phone leg since it was opened.
public struct PhoneLegStatistics: Hashable, Sendable {
  /// From the accepted source, telephone events included.
  public var packetsReceived: UInt64 = 0
  public var bytesReceived: UInt64 = 0
  /// RFC 3550 §A.3: expected minus received, over all SSRCs of the call. Duplicates can make it negative.
  public var packetsLost: Int64 = 0
  /// RFC 3550 §6.4.1.
  public var jitter: Duration = .zero
  /// 20 ms frames made up by concealment before encoding.
  public var framesConcealed: UInt64 = 0
  /// Arrived after their place was given up, or twice.
  public var packetsLateOrDuplicate: UInt64 = 0
  /// From a source that is not the negotiated or learned one.
  public var packetsFromStrangers: UInt64 = 0
  /// Not RTP, wrong payload type, or against the negotiated direction.
  public var packetsRefused: UInt64 = 0
  /// Accepted while the leg had no room.
  public var packetsBeforeAttach: UInt64 = 0
  public var packetsSent: UInt64 = 0
  public var bytesSent: UInt64 = 0
  public var digitsReceived: UInt64 = 0
  public var digitsSent: UInt64 = 0
  /// Where packets come from and go to. Nil before negotiation.
  public var remote: Endpoint?

  public init() {}
}

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
