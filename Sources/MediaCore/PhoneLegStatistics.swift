import Base

/// Totals of a phone leg since it was opened.
public struct PhoneLegStatistics: Hashable, Sendable {
  /// From the accepted source, telephone events included.
  public var packetsReceived: UInt64 = 0
  public var bytesReceived: UInt64 = 0
  /// Never came, or came after their place was given up; over all SSRCs of the call.
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
  /// Came faster than any keypad sends them.
  public var digitsDropped: UInt64 = 0
  public var digitsSent: UInt64 = 0
  /// Where packets come from and go to. Nil before negotiation.
  public var remote: Endpoint?

  public init() {}
}
