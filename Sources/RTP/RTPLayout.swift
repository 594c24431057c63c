import Base

/// Where the parts of one RTP packet lie (RFC 3550 §5.1, RFC 8285). Ranges are offsets into the parsed bytes.
public struct RTPLayout: Hashable, Sendable {
  public var header: RTPHeader
  /// The payload without padding. May be empty.
  public var payload: Range<Int>
  /// The elements of the header extension without its four-byte preamble. Empty when there are none.
  public var extensionElements: Range<Int>
  /// RFC 8285 §4.3: two-byte element headers instead of one-byte ones.
  public var hasTwoByteElements: Bool

  /// Reads a clear-text packet. Nil when it is not RTP version 2 or its lengths contradict each other.
  public static func parse(_ packet: RawSpan) -> RTPLayout? {
    guard let unpadded = prefix(of: packet) else { return nil }
    return finish(unpadded, packet)
  }

  /// Reads the header of a packet whose payload is still encrypted: padding is not removed.
  public static func parseProtected(_ packet: RawSpan) -> RTPLayout? { prefix(of: packet) }

  /// The bytes of extension element `id` (1...14 in the one-byte form, 1...255 in the two-byte form).
  public func extensionElement(id: UInt8, in packet: RawSpan) -> Range<Int>? {
    guard id != 0, extensionElements.upperBound <= packet.byteCount else { return nil }
    return hasTwoByteElements
      ? twoByteElement(id: id, in: packet) : oneByteElement(id: id, in: packet)
  }

  /// The sender's own measure of its sound (RFC 6464).
  public func audioLevel(id: UInt8, in packet: RawSpan) -> ClientAudioLevel? {
    guard let element = extensionElement(id: id, in: packet), let first = element.first else {
      return nil
    }
    return ClientAudioLevel(byte: packet.uint8(at: first))
  }

  private static func prefix(of packet: RawSpan) -> RTPLayout? {
    guard packet.byteCount >= RTPHeader.byteCount else { return nil }
    let flags = packet.uint8(at: 0)
    guard flags >> 6 == 2 else { return nil }
    var start = RTPHeader.byteCount + Int(flags & 0x0F) * 4
    var elements = 0..<0
    var hasTwoByteElements = false
    if flags & 0x10 != 0 {
      guard packet.byteCount >= start + 4 else { return nil }
      let profile = packet.uint16(at: start)
      let end = start + 4 + Int(packet.uint16(at: start + 2)) * 4
      guard end <= packet.byteCount else { return nil }
      hasTwoByteElements = profile >> 4 == 0x100
      // Another profile's extension has a form of its own: its bytes are skipped.
      if profile == 0xBEDE || hasTwoByteElements { elements = (start + 4)..<end }
      start = end
    }
    guard start <= packet.byteCount else { return nil }
    let second = packet.uint8(at: 1)
    let header = RTPHeader(
      marker: second & 0x80 != 0, payloadType: second & 0x7F, sequenceNumber: packet.uint16(at: 2),
      timestamp: packet.uint32(at: 4), ssrc: packet.uint32(at: 8))
    return RTPLayout(
      header: header, payload: start..<packet.byteCount, extensionElements: elements,
      hasTwoByteElements: hasTwoByteElements)
  }

  private static func finish(_ layout: RTPLayout, _ packet: RawSpan) -> RTPLayout? {
    guard packet.uint8(at: 0) & 0x20 != 0 else { return layout }
    guard !layout.payload.isEmpty else { return nil }
    let padding = Int(packet.uint8(at: packet.byteCount - 1))
    guard padding > 0, padding <= layout.payload.count else { return nil }
    var layout = layout
    layout.payload = layout.payload.lowerBound..<(packet.byteCount - padding)
    return layout
  }

  private func oneByteElement(id: UInt8, in packet: RawSpan) -> Range<Int>? {
    var offset = extensionElements.lowerBound
    while offset < extensionElements.upperBound {
      let head = packet.uint8(at: offset)
      offset += 1
      if head >> 4 == 0 { continue }
      // RFC 8285 §4.2: element 15 ends the processing.
      if head >> 4 == 15 { return nil }
      let end = offset + Int(head & 0x0F) + 1
      guard end <= extensionElements.upperBound else { return nil }
      if head >> 4 == id { return offset..<end }
      offset = end
    }
    return nil
  }

  private func twoByteElement(id: UInt8, in packet: RawSpan) -> Range<Int>? {
    var offset = extensionElements.lowerBound
    while offset + 1 < extensionElements.upperBound {
      let head = packet.uint8(at: offset)
      if head == 0 {
        offset += 1
        continue
      }
      let end = offset + 2 + Int(packet.uint8(at: offset + 1))
      guard end <= extensionElements.upperBound else { return nil }
      if head == id { return (offset + 2)..<end }
      offset = end
    }
    return nil
  }
}

/// The client-to-mixer audio level of one packet (RFC 6464 §3).
public struct ClientAudioLevel: Hashable, Sendable, BitwiseCopyable {
  /// 0 is the loudest the codec can carry, -127 is digital silence.
  public var decibelsOverload: Int
  /// What the sender's voice activity detector says.
  public var hasVoice: Bool

  public init(byte: UInt8) {
    decibelsOverload = -Int(byte & 0x7F)
    hasVoice = byte & 0x80 != 0
  }
}
