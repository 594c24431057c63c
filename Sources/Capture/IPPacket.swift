import Base

/// One IP packet of either version, its header read (RFC 791, RFC 8200).
struct IPPacket {
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17

  /// Where a fragment belongs.
  struct Fragment: Hashable {
    var identification: UInt32
    var offset: Int
    var isLast: Bool
  }

  var source: IPAddress
  var destination: IPAddress
  var transport: UInt8
  var payload: [UInt8]
  /// Nil when the packet is whole.
  var fragment: Fragment?

  /// Nil when the bytes are no IP packet, or its header was not captured whole.
  init?(_ bytes: [UInt8], from offset: Int) {
    guard offset < bytes.count else { return nil }
    if bytes[offset] >> 4 == 4 { self.init(v4: bytes, from: offset) } else { self.init(v6: bytes, from: offset) }
  }

  private init?(v4 bytes: [UInt8], from start: Int) {
    let file = FileBytes(bytes: bytes, isLittleEndian: false)
    let headerCount = Int(bytes[start] & 15) * 4
    guard headerCount >= 20, let total = file.uint16(at: start + 2), let from = file.uint32(at: start + 12),
      let to = file.uint32(at: start + 16), let identification = file.uint16(at: start + 4),
      let flags = file.uint16(at: start + 6), start + headerCount <= bytes.count
    else { return nil }
    // Segmentation offload leaves the total at zero.
    let end = total == 0 ? bytes.count : min(bytes.count, start + Int(total))
    guard start + headerCount <= end else { return nil }
    source = IPAddress(v4: from)
    destination = IPAddress(v4: to)
    transport = bytes[start + 9]
    payload = Array(bytes[start + headerCount..<end])
    let isLast = flags & 0x2000 == 0
    let place = Int(flags & 0x1FFF) * 8
    fragment =
      isLast && place == 0
      ? nil : Fragment(identification: UInt32(identification), offset: place, isLast: isLast)
  }

  private init?(v6 bytes: [UInt8], from start: Int) {
    let file = FileBytes(bytes: bytes, isLittleEndian: false)
    let words = (0..<8).compactMap { file.uint32(at: start + 8 + $0 * 4).map(UInt64.init) }
    guard words.count == 8, let length = file.uint16(at: start + 4) else { return nil }
    source = IPAddress(v6: words[0] << 32 | words[1], words[2] << 32 | words[3])
    destination = IPAddress(v6: words[4] << 32 | words[5], words[6] << 32 | words[7])
    let end = length == 0 ? bytes.count : min(bytes.count, start + 40 + Int(length))
    var next = bytes[start + 6]
    var offset = start + 40
    // Hop-by-hop, routing and destination options, and the fragment header (RFC 8200 §4).
    while [0, 43, 60, 44].contains(next) {
      guard offset + 8 <= end, let place = file.uint16(at: offset + 2), let id = file.uint32(at: offset + 4) else {
        return nil
      }
      if next == 44 {
        fragment = Fragment(identification: id, offset: Int(place & 0xFFF8), isLast: place & 1 == 0)
      }
      let headerCount = next == 44 ? 8 : 8 + Int(bytes[offset + 1]) * 8
      next = bytes[offset]
      offset += headerCount
    }
    guard offset <= end else { return nil }
    transport = next
    payload = Array(bytes[offset..<end])
  }

  /// A UDP datagram in an IP packet without link layer.
  static func frame(_ payload: [UInt8], from source: Endpoint, to destination: Endpoint) -> [UInt8] {
    func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
    let length = UInt16(clamping: payload.count + 8)
    let addresses = octets(source.address) + octets(destination.address)
    var udp = bytes(source.port) + bytes(destination.port) + bytes(length) + [0, 0] + payload
    // The pseudo header is the same in both versions once the zeros are left out (RFC 768, RFC 8200 §8.1).
    let sum = checksum(addresses + [0, Self.udp] + bytes(length) + udp)
    udp.replaceSubrange(6..<8, with: bytes(sum == 0 ? 0xFFFF : sum))
    guard source.address.isIPv4 else { return [0x60, 0, 0, 0] + bytes(length) + [Self.udp, 64] + addresses + udp }
    var header: [UInt8] =
      [0x45, 0] + bytes(UInt16(clamping: udp.count + 20)) + [0, 0, 0x40, 0, 64, Self.udp, 0, 0] + addresses
    header.replaceSubrange(10..<12, with: bytes(checksum(header)))
    return header + udp
  }

  private static func octets(_ address: IPAddress) -> [UInt8] {
    let all = [address.high, address.low].flatMap { word in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
    }
    return address.isIPv4 ? Array(all.suffix(4)) : all
  }

  /// RFC 1071.
  private static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
    return ~UInt16(truncatingIfNeeded: sum)
  }
}
