// The layouts of protected packets, RTP's (RFC 3711 §3.1, RFC 7714 §8) and RTCP's (RFC 3711 §3.4, RFC 7714 §9):
//
//     AES-CM:  header | encrypted payload | tag(10)
//     GCM:     header | encrypted payload | tag(16)
//     AES-CM:  8 bytes | encrypted rest | E + index(4) | tag(10)
//     GCM:     8 bytes | encrypted rest | tag(16) | E + index(4)

/// The part of an RTCP packet that stays readable: first word and sender's SSRC.
let rtcpHeaderByteCount = 8
let srtcpIndexByteCount = 4
let maximumSRTCPIndex: UInt64 = 0x7FFF_FFFF
/// The E bit, which says that the packet is encrypted.
private let encryptedFlag: UInt32 = 0x8000_0000

/// Length of the RTP header with CSRCs and extension (RFC 3550 §5.1). Nil when the packet is no RTP or too short.
func rtpHeaderByteCount(_ packet: UnsafeRawBufferPointer) -> Int? {
  guard packet.count >= 12, packet[0] >> 6 == 2 else { return nil }
  var count = 12 + 4 * Int(packet[0] & 0xF)
  if packet[0] & 0x10 != 0 {
    guard packet.count >= count + 4 else { return nil }
    count += 4 + 4 * (Int(packet[count + 2]) << 8 | Int(packet[count + 3]))
  }
  return count <= packet.count ? count : nil
}

func sequenceNumber(_ packet: UnsafeRawBufferPointer) -> UInt16 { UInt16(packet[2]) << 8 | UInt16(packet[3]) }
func ssrc(ofRTP packet: UnsafeRawBufferPointer) -> UInt32 { word(packet, at: 8) }
func ssrc(ofRTCP packet: UnsafeRawBufferPointer) -> UInt32 { word(packet, at: 4) }

private func word(_ packet: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
  UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
}

extension SRTPCipher {
  /// `packet` has room for the tag behind `byteCount`. Returns the new length.
  func sealRTP(
    _ packet: UnsafeMutableRawBufferPointer, headerByteCount: Int, byteCount: Int, ssrc: UInt32, index: UInt64
  ) -> Int? {
    guard let start = packet.baseAddress else { return nil }
    let payload = UnsafeMutableRawBufferPointer(rebasing: packet[headerByteCount..<byteCount])
    switch profile {
    case .aeadAES128GCM:
      let header = UnsafeRawBufferPointer(rebasing: packet[..<headerByteCount])
      guard
        seal(payload, associated: header, suffix: .empty, ssrc: ssrc, index: index, tag: start + byteCount)
      else { return nil }
    case .aes128CMSHA1With80BitTag:
      guard applyKeystream(to: payload, ssrc: ssrc, index: index) else { return nil }
      rtpTag(UnsafeRawBufferPointer(rebasing: packet[..<byteCount]), index: index)
        .copy(to: start + byteCount, count: profile.tagByteCount)
    }
    return byteCount + profile.tagByteCount
  }

  /// `packet` ends with the tag.
  func openRTP(_ packet: UnsafeMutableRawBufferPointer, headerByteCount: Int, ssrc: UInt32, index: UInt64) -> Bool {
    let byteCount = packet.count - profile.tagByteCount
    guard let tag = packet.baseAddress.map({ $0 + byteCount }) else { return false }
    let payload = UnsafeMutableRawBufferPointer(rebasing: packet[headerByteCount..<byteCount])
    switch profile {
    case .aeadAES128GCM:
      let header = UnsafeRawBufferPointer(rebasing: packet[..<headerByteCount])
      return open(payload, associated: header, suffix: .empty, ssrc: ssrc, index: index, tag: tag)
    case .aes128CMSHA1With80BitTag:
      return rtpTag(UnsafeRawBufferPointer(rebasing: packet[..<byteCount]), index: index)
        .equals(tag, count: profile.tagByteCount) && applyKeystream(to: payload, ssrc: ssrc, index: index)
    }
  }

  /// `packet` has room for tag and index behind `byteCount`. Returns the new length.
  func sealRTCP(_ packet: UnsafeMutableRawBufferPointer, byteCount: Int, ssrc: UInt32, index: UInt32) -> Int? {
    guard let start = packet.baseAddress else { return nil }
    let rest = UnsafeMutableRawBufferPointer(rebasing: packet[rtcpHeaderByteCount..<byteCount])
    let trailer = (encryptedFlag | index).bigEndian
    switch profile {
    case .aeadAES128GCM:
      let header = UnsafeRawBufferPointer(rebasing: packet[..<rtcpHeaderByteCount])
      let isSealed = withUnsafeBytes(of: trailer) {
        seal(rest, associated: header, suffix: $0, ssrc: ssrc, index: UInt64(index), tag: start + byteCount)
      }
      guard isSealed else { return nil }
      start.storeBytes(of: trailer, toByteOffset: byteCount + profile.tagByteCount, as: UInt32.self)
    case .aes128CMSHA1With80BitTag:
      guard applyKeystream(to: rest, ssrc: ssrc, index: UInt64(index)) else { return nil }
      start.storeBytes(of: trailer, toByteOffset: byteCount, as: UInt32.self)
      tag(UnsafeRawBufferPointer(rebasing: packet[..<(byteCount + srtcpIndexByteCount)]))
        .copy(to: start + byteCount + srtcpIndexByteCount, count: profile.tagByteCount)
    }
    return byteCount + profile.tagByteCount + srtcpIndexByteCount
  }

  /// The index that a received packet carries. Nil when it says that it is not encrypted.
  func srtcpIndex(_ packet: UnsafeRawBufferPointer) -> UInt32? {
    let trailer = word(packet, at: indexOffset(packet.count))
    return trailer & encryptedFlag != 0 ? trailer & ~encryptedFlag : nil
  }

  /// `packet` ends with tag and index.
  func openRTCP(_ packet: UnsafeMutableRawBufferPointer, ssrc: UInt32, index: UInt32) -> Bool {
    let byteCount = packet.count - profile.tagByteCount - srtcpIndexByteCount
    guard let start = packet.baseAddress else { return false }
    let rest = UnsafeMutableRawBufferPointer(rebasing: packet[rtcpHeaderByteCount..<byteCount])
    switch profile {
    case .aeadAES128GCM:
      let header = UnsafeRawBufferPointer(rebasing: packet[..<rtcpHeaderByteCount])
      let trailer = UnsafeRawBufferPointer(rebasing: packet[indexOffset(packet.count)...])
      return open(
        rest, associated: header, suffix: trailer, ssrc: ssrc, index: UInt64(index), tag: start + byteCount)
    case .aes128CMSHA1With80BitTag:
      let signed = UnsafeRawBufferPointer(rebasing: packet[..<(byteCount + srtcpIndexByteCount)])
      return tag(signed).equals(start + signed.count, count: profile.tagByteCount)
        && applyKeystream(to: rest, ssrc: ssrc, index: UInt64(index))
    }
  }

  private func indexOffset(_ packetByteCount: Int) -> Int {
    packetByteCount - srtcpIndexByteCount - (profile == .aeadAES128GCM ? 0 : profile.tagByteCount)
  }

  /// RFC 3711 §4.2: the rollover counter is signed but not sent.
  private func rtpTag(_ packet: UnsafeRawBufferPointer, index: UInt64) -> HMACSHA1.Tag {
    var computation = authentication.makeComputation()
    computation.update(packet)
    computation.update(UInt32(truncatingIfNeeded: index >> 16))
    return computation.finish()
  }

  private func tag(_ packet: UnsafeRawBufferPointer) -> HMACSHA1.Tag {
    var computation = authentication.makeComputation()
    computation.update(packet)
    return computation.finish()
  }
}

extension UnsafeRawBufferPointer {
  fileprivate static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
