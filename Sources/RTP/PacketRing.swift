import Base

/// Bytes of packets in one block of memory, first in, first out; a packet may be released out of turn, but its room
/// is free again only when all before it are. No allocation after init.
///
/// Each record is a four-byte head (length, state) and the bytes, padded to four.
struct PacketRing: ~Copyable {
  private let block: UnsafeMutableRawPointer
  private let capacity: Int
  private var head = 0
  private var tail = 0
  private var usedByteCount = 0

  private static let headByteCount = 4
  private static let isLive: UInt16 = 1
  private static let isDead: UInt16 = 0

  init(byteCount: Int) {
    // A record's length has 16 bits.
    capacity = max(64, min(byteCount, Int(UInt16.max)) & ~3)
    block = .allocate(byteCount: capacity, alignment: 8)
  }

  deinit { block.deallocate() }

  /// Copies `bytes` and returns their handle. Nil when there is no room.
  mutating func append(_ bytes: RawSpan) -> Int32? {
    let need = Self.headByteCount + (bytes.byteCount + 3) & ~3
    guard bytes.byteCount <= Int(UInt16.max), reserve(need) else { return nil }
    let offset = head
    setRecord(at: offset, byteCount: bytes.byteCount, state: Self.isLive)
    bytes.withUnsafeBytes { source in
      if let base = source.baseAddress {
        (block + offset + Self.headByteCount).copyMemory(from: base, byteCount: source.count)
      }
    }
    advanceHead(by: need)
    return Int32(offset)
  }

  mutating func release(_ handle: Int32) {
    setRecord(at: Int(handle), byteCount: byteCount(at: Int(handle)), state: Self.isDead)
    while usedByteCount > 0, state(at: tail) == Self.isDead {
      let count = Self.headByteCount + (byteCount(at: tail) + 3) & ~3
      usedByteCount -= count
      tail = tail + count == capacity ? 0 : tail + count
    }
  }

  mutating func removeAll() {
    head = 0
    tail = 0
    usedByteCount = 0
  }

  func withBytes<Result>(of handle: Int32, _ body: (RawSpan) -> Result) -> Result {
    let start = block + Int(handle) + Self.headByteCount
    return body(UnsafeRawBufferPointer(start: start, count: byteCount(at: Int(handle))).bytes)
  }

  /// Makes sure that `need` bytes lie in one piece at `head`; the rest of the block becomes a dead record if they
  /// do not fit before its end.
  private mutating func reserve(_ need: Int) -> Bool {
    if usedByteCount == 0 { removeAll() }
    let isWrapped = head < tail || (head == tail && usedByteCount > 0)
    if isWrapped { return tail - head >= need }
    let room = capacity - head
    if room >= need { return true }
    guard tail >= need else { return false }
    if room > 0 {
      setRecord(at: head, byteCount: room - Self.headByteCount, state: Self.isDead)
      advanceHead(by: room)
    }
    return true
  }

  private mutating func advanceHead(by count: Int) {
    usedByteCount += count
    head = head + count == capacity ? 0 : head + count
  }

  private func byteCount(at offset: Int) -> Int {
    Int(block.load(fromByteOffset: offset, as: UInt16.self))
  }
  private func state(at offset: Int) -> UInt16 {
    block.load(fromByteOffset: offset + 2, as: UInt16.self)
  }

  private func setRecord(at offset: Int, byteCount: Int, state: UInt16) {
    block.storeBytes(
      of: UInt16(truncatingIfNeeded: byteCount), toByteOffset: offset, as: UInt16.self)
    block.storeBytes(of: state, toByteOffset: offset + 2, as: UInt16.self)
  }
}
