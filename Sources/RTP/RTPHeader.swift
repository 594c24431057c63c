import Base

/// The fixed part of an RTP packet (RFC 3550 §5.1).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
///     |                           timestamp                           |
///     |                             SSRC                              |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
public struct RTPHeader: Hashable, Sendable, BitwiseCopyable {
  public static let byteCount = 12

  public var marker: Bool
  /// 0...127.
  public var payloadType: UInt8
  public var sequenceNumber: UInt16
  public var timestamp: UInt32
  public var ssrc: UInt32

  public init(
    marker: Bool = false, payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32,
    ssrc: UInt32
  ) {
    self.marker = marker
    self.payloadType = payloadType & 0x7F
    self.sequenceNumber = sequenceNumber
    self.timestamp = timestamp
    self.ssrc = ssrc
  }

  /// Writes `byteCount` bytes without CSRCs or extension and returns their number. Zero when they do not fit.
  @discardableResult
  public func write(into packet: inout MutableRawSpan) -> Int {
    guard packet.byteCount >= Self.byteCount else { return 0 }
    writeFixedPart(hasExtension: false, into: &packet)
    return Self.byteCount
  }

  /// Writes the header with its extension block and returns the number of bytes before the payload. Zero when they do
  /// not fit. `level` is how far below full scale the packet's sound is, in decibels (RFC 6464), if that is known.
  @discardableResult
  public func write(
    into packet: inout MutableRawSpan, extensions: HeaderExtensions, level: UInt8? = nil, hasVoice: Bool = false
  ) -> Int {
    let count = Self.byteCount + extensions.blockByteCount
    guard packet.byteCount >= count else { return 0 }
    writeFixedPart(hasExtension: true, into: &packet)
    extensions.write(into: &packet, at: Self.byteCount, level: level, hasVoice: hasVoice)
    return count
  }

  private func writeFixedPart(hasExtension: Bool, into packet: inout MutableRawSpan) {
    packet.set(hasExtension ? 0x90 as UInt8 : 0x80, at: 0)
    packet.set((marker ? 0x80 : 0) | payloadType & 0x7F, at: 1)
    packet.set(sequenceNumber, at: 2)
    packet.set(timestamp, at: 4)
    packet.set(ssrc, at: 8)
  }
}
