import Base

/// Puts fragmented IP packets together: a provider's INVITE does not always fit one datagram.
struct FragmentTable {
  private struct Key: Hashable {
    var source: IPAddress
    var destination: IPAddress
    var transport: UInt8
    var identification: UInt32
  }

  private struct Packet {
    var pieces: [(offset: Int, bytes: [UInt8])] = []
    var byteCount: Int?
  }

  private var packets: [Key: Packet] = [:]

  /// The whole packet, once its last missing piece has come. A packet that was never cut passes through.
  mutating func take(_ packet: IPPacket) -> IPPacket? {
    guard let fragment = packet.fragment else { return packet }
    let key = Key(
      source: packet.source, destination: packet.destination, transport: packet.transport,
      identification: fragment.identification)
    guard packets.count < CaptureLimits.flowCount || packets[key] != nil else { return nil }
    var known = packets[key, default: Packet()]
    guard fragment.offset + packet.payload.count <= 65_535, known.pieces.count < 64 else {
      packets[key] = nil
      return nil
    }
    known.pieces.append((fragment.offset, packet.payload))
    if fragment.isLast { known.byteCount = fragment.offset + packet.payload.count }
    packets[key] = known
    guard let payload = Self.join(known) else { return nil }
    packets[key] = nil
    var whole = packet
    whole.payload = payload
    whole.fragment = nil
    return whole
  }

  private static func join(_ packet: Packet) -> [UInt8]? {
    guard let byteCount = packet.byteCount else { return nil }
    var bytes: [UInt8] = []
    for piece in packet.pieces.sorted(by: { $0.offset < $1.offset }) {
      guard piece.offset <= bytes.count else { return nil }
      bytes += piece.bytes.dropFirst(bytes.count - piece.offset)
    }
    return bytes.count >= byteCount ? Array(bytes[..<byteCount]) : nil
  }
}
