import Base

/// The latest packets of one sent stream, by sequence number, to answer NACKs (RFC 4585 §6.2.1). Keeps the bytes as
/// they went out, so that a protected packet is sent again without protecting it twice. No allocation after init.
public struct RetransmissionBuffer: ~Copyable {
  private struct Entry {
    var sequenceNumber: UInt16 = 0
    var handle: Int32 = -1
  }

  private let entries: UnsafeMutablePointer<Entry>
  private let capacity: Int
  private var ring: PacketRing
  private var oldest = 0
  private var count = 0

  /// 1.3 s of 20 ms packets of 48 kbit/s: longer than any receiver waits.
  public init(packetCapacity: Int = 64, byteCapacity: Int = 12 * 1024) {
    capacity = max(1, packetCapacity)
    entries = .allocate(capacity: capacity)
    entries.initialize(repeating: Entry(), count: capacity)
    ring = PacketRing(byteCount: byteCapacity)
  }

  deinit { entries.deallocate() }

  /// Keeps `packet` under its sequence number and forgets the oldest ones for it.
  public mutating func insert(sequenceNumber: UInt16, packet: RawSpan) {
    if count == capacity { forgetOldest() }
    var handle = ring.append(packet)
    while handle == nil, count > 0 {
      forgetOldest()
      handle = ring.append(packet)
    }
    guard let handle else { return }
    entries[(oldest + count) % capacity] = Entry(sequenceNumber: sequenceNumber, handle: handle)
    count += 1
  }

  /// Calls `body` with the packet of this number. False when it is no longer, or never was, here.
  public func withPacket(_ sequenceNumber: UInt16, _ body: (RawSpan) -> Void) -> Bool {
    // The newest first: a number comes again after 65,536 packets.
    for index in stride(from: count - 1, through: 0, by: -1) {
      let entry = entries[(oldest + index) % capacity]
      if entry.sequenceNumber == sequenceNumber {
        ring.withBytes(of: entry.handle, body)
        return true
      }
    }
    return false
  }

  public mutating func removeAll() {
    ring.removeAll()
    oldest = 0
    count = 0
  }

  private mutating func forgetOldest() {
    ring.release(entries[oldest].handle)
    oldest = (oldest + 1) % capacity
    count -= 1
  }
}
