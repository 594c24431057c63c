import Base

/// Packets by their place in the stream, with their payloads. No allocation after init.
struct PacketSlots: ~Copyable {
  struct Slot {
    var place: StreamTimeline.Place
    var packet: BufferedPacket
    var state: State
  }

  enum State: UInt8 {
    case empty, held
    /// Handed out, left out, or too late: another copy is a duplicate.
    case gone
  }

  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int64
  private var ring: PacketRing
  private var heldCount = 0
  /// Sound of the packets that are here.
  private(set) var heldTicks: Int64 = 0
  private var highest = Int64.min

  init(packetCapacity: Int, byteCapacity: Int) {
    var capacity = 8
    while capacity < min(packetCapacity, 4096) { capacity *= 2 }
    mask = Int64(capacity - 1)
    slots = .allocate(capacity: capacity)
    slots.initialize(
      repeating: Slot(
        place: StreamTimeline.Place(sequence: 0, timestamp: 0),
        packet: BufferedPacket(
          marker: false, payloadType: 0, timestamp: 0, durationTicks: 0, isSilent: false,
          isSurplus: false, handle: -1),
        state: .empty), count: capacity)
    ring = PacketRing(byteCount: byteCapacity)
  }

  deinit { slots.deallocate() }

  /// True for a packet that is here, or was here lately.
  func holdsOrHeld(_ sequence: Int64) -> Bool {
    let slot = slots[index(sequence)]
    return slot.state != .empty && slot.place.sequence == sequence
  }

  /// False when there is no room for the payload. The caller keeps `sequence` within the capacity.
  mutating func insert(_ packet: BufferedPacket, _ place: StreamTimeline.Place, payload: RawSpan)
    -> Bool
  {
    guard let handle = ring.append(payload) else { return false }
    var packet = packet
    packet.handle = handle
    slots[index(place.sequence)] = Slot(place: place, packet: packet, state: .held)
    heldCount += 1
    heldTicks += Int64(packet.durationTicks)
    highest = max(highest, place.sequence)
    return true
  }

  mutating func noteLate(_ sequence: Int64) {
    // A newer packet's slot stays as it is.
    let slot = slots[index(sequence)]
    guard slot.state == .empty || slot.place.sequence < sequence else { return }
    slots[index(sequence)].state = .gone
    slots[index(sequence)].place.sequence = sequence
  }

  /// The first packet at or behind `sequence`.
  func first(from sequence: Int64) -> Slot? {
    guard heldCount > 0, sequence <= highest else { return nil }
    for candidate in sequence...min(highest, sequence + mask) {
      let slot = slots[index(candidate)]
      if slot.state == .held, slot.place.sequence == candidate { return slot }
    }
    return nil
  }

  /// The packet with the highest number, when it is at or behind `sequence`.
  func last(from sequence: Int64) -> Slot? {
    guard heldCount > 0, highest >= sequence else { return nil }
    let slot = slots[index(highest)]
    return slot.state == .held && slot.place.sequence == highest ? slot : nil
  }

  /// Removes a packet; its payload stays until `release`.
  mutating func take(_ slot: Slot) -> BufferedPacket {
    slots[index(slot.place.sequence)].state = .gone
    heldCount -= 1
    heldTicks -= Int64(slot.packet.durationTicks)
    return slot.packet
  }

  mutating func release(_ handle: Int32) { ring.release(handle) }

  func withPayload<Result>(of packet: BufferedPacket, _ body: (RawSpan) -> Result) -> Result {
    ring.withBytes(of: packet.handle, body)
  }

  private func index(_ sequence: Int64) -> Int { Int(sequence & mask) }
}
