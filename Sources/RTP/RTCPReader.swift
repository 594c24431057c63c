import Base

extension RTCP {
  /// Walks the packets of one compound datagram. A packet that contradicts its own length ends the walk.
  ///
  ///     var reader = RTCP.Reader()
  ///     while let packet = reader.next(in: datagram) { … }
  public struct Reader: Sendable {
    private var offset = 0

    public init() {}

    /// `datagram` must be the same bytes at each call.
    public mutating func next(in datagram: RawSpan) -> Packet? {
      guard offset + 4 <= datagram.byteCount else { return nil }
      let flags = datagram.uint8(at: offset)
      let type = datagram.uint8(at: offset + 1)
      var end = offset + (Int(datagram.uint16(at: offset + 2)) + 1) * 4
      guard flags >> 6 == 2, end <= datagram.byteCount, (192...223).contains(type) else {
        return stop(datagram)
      }
      let start = offset
      offset = end
      if flags & 0x20 != 0 {
        let padding = Int(datagram.uint8(at: end - 1))
        guard padding > 0, padding <= end - start - 4 else { return stop(datagram) }
        end -= padding
      }
      guard let packet = Self.packet(type: type, count: Int(flags & 0x1F), start..<end, datagram)
      else {
        return stop(datagram)
      }
      return packet
    }

    private mutating func stop(_ datagram: RawSpan) -> Packet? {
      offset = datagram.byteCount
      return nil
    }

    private static func packet(type: UInt8, count: Int, _ range: Range<Int>, _ datagram: RawSpan)
      -> Packet?
    {
      let body = range.lowerBound + 4
      let bodyByteCount = range.upperBound - body
      switch type {
      case PacketType.senderReport:
        guard bodyByteCount >= 24 + count * ReportBlock.byteCount else { return nil }
        let report = SenderReport(
          ssrc: datagram.uint32(at: body), ntpTimestamp: datagram.uint64(at: body + 4),
          rtpTimestamp: datagram.uint32(at: body + 12), packetCount: datagram.uint32(at: body + 16),
          octetCount: datagram.uint32(at: body + 20))
        return .senderReport(report, blocks: BlockList(count: count, offset: body + 24))
      case PacketType.receiverReport:
        guard bodyByteCount >= 4 + count * ReportBlock.byteCount else { return nil }
        return .receiverReport(
          ssrc: datagram.uint32(at: body), blocks: BlockList(count: count, offset: body + 4))
      case PacketType.sourceDescription:
        return .sourceDescription(chunks: body..<range.upperBound)
      case PacketType.goodbye:
        guard bodyByteCount >= count * 4 else { return nil }
        return .goodbye(sources: body..<(body + count * 4))
      case PacketType.transportFeedback where count == 1:
        guard bodyByteCount >= 8 else { return nil }
        return .nack(
          sender: datagram.uint32(at: body), media: datagram.uint32(at: body + 4),
          entries: EntryList(count: (bodyByteCount - 8) / 4, offset: body + 8))
      case PacketType.payloadFeedback where count == 1:
        guard bodyByteCount >= 8 else { return nil }
        return .pictureLossIndication(
          sender: datagram.uint32(at: body), media: datagram.uint32(at: body + 4))
      default:
        return .other(packetType: type, count: UInt8(count))
      }
    }
  }
}

extension RTCP.BlockList {
  /// Block `index` of 0..<`count`, read from the datagram that the list came from. Nil outside it.
  public func block(_ index: Int, in datagram: RawSpan) -> RTCP.ReportBlock? {
    let at = offset + index * RTCP.ReportBlock.byteCount
    guard index >= 0, index < count, at + RTCP.ReportBlock.byteCount <= datagram.byteCount else {
      return nil
    }
    let lost = datagram.uint32(at: at + 4)
    return RTCP.ReportBlock(
      ssrc: datagram.uint32(at: at), fractionLost: UInt8(lost >> 24),
      // Sign of 24 bits carried to 32.
      cumulativeLost: Int32(bitPattern: lost << 8) >> 8,
      highestSequence: datagram.uint32(at: at + 8),
      jitter: datagram.uint32(at: at + 12), lastSenderReport: datagram.uint32(at: at + 16),
      delaySinceLastSenderReport: datagram.uint32(at: at + 20))
  }
}

extension RTCP.EntryList {
  /// Calls `body` with each sequence number asked for, in the order of the datagram.
  public func forEachSequenceNumber(in datagram: RawSpan, _ body: (UInt16) -> Void) {
    for index in 0..<count {
      let at = offset + index * 4
      guard at + 4 <= datagram.byteCount else { return }
      let first = datagram.uint16(at: at)
      let mask = datagram.uint16(at: at + 2)
      body(first)
      for bit in 0..<16 where mask & (1 << UInt16(bit)) != 0 { body(first &+ UInt16(bit) &+ 1) }
    }
  }
}
