/// Reliable packets for a participant whose data channel is not open yet.
struct DataQueue: Sendable {
  private(set) var packets: [[UInt8]] = []
  private var byteCount = 0

  /// False when it is full.
  mutating func append(_ packet: [UInt8], limits: RoomLimits) -> Bool {
    guard packets.count < limits.queuedDataPackets, byteCount + packet.count <= limits.queuedDataByteCount else {
      return false
    }
    packets.append(packet)
    byteCount += packet.count
    return true
  }

  mutating func takeAll() -> [[UInt8]] {
    defer { self = DataQueue() }
    return packets
  }
}
