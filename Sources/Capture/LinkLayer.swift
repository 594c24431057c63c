/// Finds the IP packet in a frame (tcpdump.org/linktypes.html).
enum LinkLayer {
  static let rawIP: UInt32 = 101

  /// Where the IP header starts. Nil when the frame holds something else or its kind is unknown.
  static func ipOffset(in frame: CapturedFrame) -> Int? {
    let bytes = frame.bytes
    let offset: Int
    switch frame.linkType {
    case 1: return ethernet(bytes, typeAt: 12)
    // BSD loopback and OpenBSD's: an address family in four bytes.
    case 0, 108: offset = 4
    // Raw IP, under the numbers of several systems.
    case 12, 14, rawIP, 228, 229: offset = 0
    // Linux cooked capture, versions 1 and 2.
    case 113: return ethernet(bytes, typeAt: 14)
    case 276: return etherType(bytes, at: 0).flatMap { isIP($0) ? 20 : nil }
    default: return nil
    }
    guard offset < bytes.count else { return nil }
    return bytes[offset] >> 4 == 4 || bytes[offset] >> 4 == 6 ? offset : nil
  }

  /// Skips up to two VLAN tags (IEEE 802.1Q, 802.1ad).
  private static func ethernet(_ bytes: [UInt8], typeAt start: Int) -> Int? {
    for offset in [start, start + 4, start + 8] {
      guard let type = etherType(bytes, at: offset) else { return nil }
      if isIP(type) { return offset + 2 }
      guard type == 0x8100 || type == 0x88A8 else { return nil }
    }
    return nil
  }

  private static func etherType(_ bytes: [UInt8], at offset: Int) -> UInt16? {
    FileBytes(bytes: bytes, isLittleEndian: false).uint16(at: offset)
  }

  private static func isIP(_ type: UInt16) -> Bool { type == 0x0800 || type == 0x86DD }
}
