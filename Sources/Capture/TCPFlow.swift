/// One direction of a TCP connection: puts its segments in order (RFC 9293 §3.4).
struct TCPFlow {
  /// A segment's header, and where its data starts.
  struct Segment {
    var sequence: UInt32
    var isSYN: Bool
    var data: ArraySlice<UInt8>

    init?(_ bytes: [UInt8]) {
      let file = FileBytes(bytes: bytes, isLittleEndian: false)
      guard let sequence = file.uint32(at: 4), bytes.count >= 20 else { return nil }
      let headerCount = Int(bytes[12] >> 4) * 4
      guard headerCount >= 20, headerCount <= bytes.count else { return nil }
      self.sequence = sequence
      isSYN = bytes[13] & 2 != 0
      data = bytes[headerCount...]
    }
  }

  private var next: UInt32?
  private var waiting: [(sequence: UInt32, data: [UInt8])] = []
  private var waitingByteCount = 0

  /// The bytes that are in order now. A gap that is never filled is skipped once too much waits behind it.
  mutating func take(_ segment: Segment) -> [UInt8] {
    if segment.isSYN {
      next = segment.sequence &+ 1
      waiting = []
      waitingByteCount = 0
    }
    guard !segment.data.isEmpty else { return [] }
    // A capture that begins in mid-connection begins with what it has.
    if next == nil { next = segment.sequence }
    waiting.append((segment.isSYN ? segment.sequence &+ 1 : segment.sequence, Array(segment.data)))
    waitingByteCount += segment.data.count
    var bytes = drain()
    if waitingByteCount > CaptureLimits.pendingByteCount, let first = waiting.first {
      next = first.sequence
      bytes += drain()
    }
    return bytes
  }

  private mutating func drain() -> [UInt8] {
    guard var next else { return [] }
    var bytes: [UInt8] = []
    waiting.sort { Int32(bitPattern: $0.sequence &- next) < Int32(bitPattern: $1.sequence &- next) }
    while let first = waiting.first {
      let ahead = Int32(bitPattern: first.sequence &- next)
      if ahead > 0 { break }
      let fresh = first.data.dropFirst(Int(-Int64(ahead)))
      bytes += fresh
      next = next &+ UInt32(fresh.count)
      waitingByteCount -= first.data.count
      waiting.removeFirst()
    }
    self.next = next
    return bytes
  }
}
