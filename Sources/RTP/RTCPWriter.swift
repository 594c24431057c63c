import Base

/// Writers put one packet at `offset` and return the offset behind it, or nil, with nothing written, when it does
/// not fit. A compound datagram is SR or RR first, then SDES, then the rest (RFC 3550 §6.1).
extension RTCP {
  /// SR with up to one report block (RFC 3550 §6.4.1).
  public static func write(
    _ report: SenderReport, block: ReportBlock? = nil, into datagram: inout MutableRawSpan,
    at offset: Int = 0
  ) -> Int? {
    let end = offset + 28 + (block == nil ? 0 : ReportBlock.byteCount)
    guard begin(PacketType.senderReport, count: block == nil ? 0 : 1, offset..<end, &datagram)
    else { return nil }
    datagram.set(report.ssrc, at: offset + 4)
    datagram.set(report.ntpTimestamp, at: offset + 8)
    datagram.set(report.rtpTimestamp, at: offset + 16)
    datagram.set(report.packetCount, at: offset + 20)
    datagram.set(report.octetCount, at: offset + 24)
    if let block { write(block, into: &datagram, at: offset + 28) }
    return end
  }

  /// RR without blocks; `appendReportBlock` adds them (RFC 3550 §6.4.2).
  public static func writeReceiverReport(
    ssrc: UInt32, block: ReportBlock? = nil, into datagram: inout MutableRawSpan, at offset: Int = 0
  ) -> Int? {
    let end = offset + 8 + (block == nil ? 0 : ReportBlock.byteCount)
    guard begin(PacketType.receiverReport, count: block == nil ? 0 : 1, offset..<end, &datagram)
    else { return nil }
    datagram.set(ssrc, at: offset + 4)
    if let block { write(block, into: &datagram, at: offset + 8) }
    return end
  }

  /// Adds a block to the SR or RR that starts at `start` and ends at `end`. Nil when it holds 31 or does not fit.
  public static func appendReportBlock(
    _ block: ReportBlock, toReportAt start: Int, endingAt end: Int,
    in datagram: inout MutableRawSpan
  ) -> Int? {
    guard start >= 0, end >= start + 8, end + ReportBlock.byteCount <= datagram.byteCount else {
      return nil
    }
    let flags = datagram.bytes.uint8(at: start)
    guard flags & 0x1F < 31 else { return nil }
    datagram.set(flags + 1, at: start)
    datagram.set(
      datagram.bytes.uint16(at: start + 2) + UInt16(ReportBlock.byteCount / 4), at: start + 2)
    write(block, into: &datagram, at: end)
    return end + ReportBlock.byteCount
  }

  /// SDES with one CNAME of 1...255 bytes (RFC 3550 §6.5.1).
  public static func writeSourceDescription(
    ssrc: UInt32, cname: Span<UInt8>, into datagram: inout MutableRawSpan, at offset: Int
  ) -> Int? {
    guard (1...255).contains(cname.count) else { return nil }
    // At least one zero byte ends the items of the chunk.
    let end = offset + 8 + (2 + cname.count + 1 + 3) / 4 * 4
    guard begin(PacketType.sourceDescription, count: 1, offset..<end, &datagram) else { return nil }
    datagram.set(ssrc, at: offset + 4)
    datagram.set(1 as UInt8, at: offset + 8)
    datagram.set(UInt8(cname.count), at: offset + 9)
    for index in cname.indices { datagram.set(cname[index], at: offset + 10 + index) }
    for padding in (offset + 10 + cname.count)..<end { datagram.set(0 as UInt8, at: padding) }
    return end
  }

  /// BYE of one source without a reason (RFC 3550 §6.6).
  public static func writeGoodbye(ssrc: UInt32, into datagram: inout MutableRawSpan, at offset: Int)
    -> Int?
  {
    guard begin(PacketType.goodbye, count: 1, offset..<(offset + 8), &datagram) else { return nil }
    datagram.set(ssrc, at: offset + 4)
    return offset + 8
  }

  /// Generic NACK for `sequenceNumber` and those of the 16 after it whose bit is set in `following` (RFC 4585 §6.2.1).
  public static func writeNACK(
    sender: UInt32, media: UInt32, sequenceNumber: UInt16, following: UInt16 = 0,
    into datagram: inout MutableRawSpan, at offset: Int
  ) -> Int? {
    guard begin(PacketType.transportFeedback, count: 1, offset..<(offset + 16), &datagram) else {
      return nil
    }
    datagram.set(sender, at: offset + 4)
    datagram.set(media, at: offset + 8)
    datagram.set(sequenceNumber, at: offset + 12)
    datagram.set(following, at: offset + 14)
    return offset + 16
  }

  private static func begin(
    _ type: UInt8, count: UInt8, _ range: Range<Int>, _ datagram: inout MutableRawSpan
  ) -> Bool {
    guard range.lowerBound >= 0, range.upperBound <= datagram.byteCount else { return false }
    datagram.set(0x80 | count, at: range.lowerBound)
    datagram.set(type, at: range.lowerBound + 1)
    datagram.set(UInt16(range.count / 4 - 1), at: range.lowerBound + 2)
    return true
  }

  private static func write(
    _ block: ReportBlock, into datagram: inout MutableRawSpan, at offset: Int
  ) {
    datagram.set(block.ssrc, at: offset)
    let lost = UInt32(bitPattern: min(max(block.cumulativeLost, -0x80_0000), 0x7F_FFFF)) & 0xFF_FFFF
    datagram.set(UInt32(block.fractionLost) << 24 | lost, at: offset + 4)
    datagram.set(block.highestSequence, at: offset + 8)
    datagram.set(block.jitter, at: offset + 12)
    datagram.set(block.lastSenderReport, at: offset + 16)
    datagram.set(block.delaySinceLastSenderReport, at: offset + 20)
  }
}
