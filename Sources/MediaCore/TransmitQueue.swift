import Base

/// Datagrams of one turn of the loop, in order, with room reserved once. Whoever owns the sockets empties it.
public struct TransmitQueue: ~Copyable {
  /// Largest datagram: an Ethernet frame's worth.
  public static let slotByteCount = 1536

  public struct Entry {
    public var port: MediaPort
    public var destination: Endpoint
    public var byteCount: Int
  }

  public let capacity: Int
  public private(set) var count = 0
  /// Datagrams that found the queue full.
  public private(set) var overflowCount: UInt64 = 0
  /// `capacity` slots of `slotByteCount` bytes; slot `i` belongs to entry `i`.
  public let storage: UnsafeMutableRawPointer
  private let entries: UnsafeMutablePointer<Entry>

  public init(capacity: Int) {
    precondition(capacity > 0, "capacity \(capacity)")
    self.capacity = capacity
    storage = .allocate(byteCount: capacity * Self.slotByteCount, alignment: 16)
    storage.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * Self.slotByteCount)
    entries = .allocate(capacity: capacity)
    let empty = Entry(port: .webRTC, destination: Endpoint(.anyV4, 0), byteCount: 0)
    entries.initialize(repeating: empty, count: capacity)
  }

  deinit {
    storage.deallocate()
    entries.deallocate()
  }

  /// More than half full: a good moment to empty it in the middle of a tick.
  public var isCrowded: Bool { count * 2 > capacity }

  /// Memory for the next datagram; nothing is queued before `commit`. Nil and counted when the queue is full.
  public mutating func reserve() -> UnsafeMutableRawBufferPointer? {
    guard count < capacity else {
      overflowCount += 1
      return nil
    }
    return UnsafeMutableRawBufferPointer(
      start: storage + count * Self.slotByteCount, count: Self.slotByteCount)
  }

  /// Queues the first `byteCount` bytes of the slot that `reserve` returned last.
  public mutating func commit(byteCount: Int, to destination: Endpoint, via port: MediaPort) {
    precondition(count < capacity && byteCount <= Self.slotByteCount, "commit of \(byteCount) bytes without a slot")
    entries[count] = Entry(port: port, destination: destination, byteCount: byteCount)
    count += 1
  }

  public subscript(index: Int) -> Entry {
    precondition(index >= 0 && index < count, "entry \(index) of \(count)")
    return entries[index]
  }

  /// The bytes of one queued datagram; valid until `removeAll`.
  public func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: storage + index * Self.slotByteCount, count: self[index].byteCount)
  }

  public mutating func removeAll() { count = 0 }
}
