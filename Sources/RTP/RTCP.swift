import Base

/// RTCP packets (RFC 3550 §6, RFC 4585 §6.2): values, without allocation. Lists are ranges into the datagram.
public enum RTCP {
  /// One packet of a compound datagram.
  public enum Packet: Hashable, Sendable {
    case senderReport(SenderReport, blocks: BlockList)
    case receiverReport(ssrc: UInt32, blocks: BlockList)
    case sourceDescription(chunks: Range<Int>)
    /// `sources` are the offsets of 32-bit SSRCs.
    case goodbye(sources: Range<Int>)
    case nack(sender: UInt32, media: UInt32, entries: EntryList)
    case pictureLossIndication(sender: UInt32, media: UInt32)
    case other(packetType: UInt8, count: UInt8)
  }

  /// What a sender says of itself (RFC 3550 §6.4.1).
  public struct SenderReport: Hashable, Sendable, BitwiseCopyable {
    public var ssrc: UInt32
    /// Seconds since 1900 and their fraction, 32 bits each.
    public var ntpTimestamp: UInt64
    public var rtpTimestamp: UInt32
    public var packetCount: UInt32
    public var octetCount: UInt32

    public init(
      ssrc: UInt32, ntpTimestamp: UInt64, rtpTimestamp: UInt32, packetCount: UInt32,
      octetCount: UInt32
    ) {
      self.ssrc = ssrc
      self.ntpTimestamp = ntpTimestamp
      self.rtpTimestamp = rtpTimestamp
      self.packetCount = packetCount
      self.octetCount = octetCount
    }
  }

  /// What a receiver says of one source (RFC 3550 §6.4.1).
  public struct ReportBlock: Hashable, Sendable, BitwiseCopyable {
    public static let byteCount = 24

    public var ssrc: UInt32
    /// In 256ths, since the previous report.
    public var fractionLost: UInt8
    /// 24 bits with sign.
    public var cumulativeLost: Int32
    public var highestSequence: UInt32
    /// In RTP clock ticks.
    public var jitter: UInt32
    /// The middle 32 bits of the sender report's NTP timestamp. Zero when none came.
    public var lastSenderReport: UInt32
    /// In units of 1/65536 s.
    public var delaySinceLastSenderReport: UInt32

    public init(
      ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, highestSequence: UInt32,
      jitter: UInt32,
      lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
      self.ssrc = ssrc
      self.fractionLost = fractionLost
      self.cumulativeLost = cumulativeLost
      self.highestSequence = highestSequence
      self.jitter = jitter
      self.lastSenderReport = lastSenderReport
      self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }
  }

  /// The report blocks of one packet.
  public struct BlockList: Hashable, Sendable, BitwiseCopyable {
    public let count: Int
    let offset: Int
  }

  /// The (packet id, bit mask) pairs of a generic NACK (RFC 4585 §6.2.1).
  public struct EntryList: Hashable, Sendable, BitwiseCopyable {
    public let count: Int
    let offset: Int
  }

  enum PacketType {
    static let senderReport: UInt8 = 200
    static let receiverReport: UInt8 = 201
    static let sourceDescription: UInt8 = 202
    static let goodbye: UInt8 = 203
    static let transportFeedback: UInt8 = 205
    static let payloadFeedback: UInt8 = 206
  }
}
