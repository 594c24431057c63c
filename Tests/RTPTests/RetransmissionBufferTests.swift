import Base
import RTP
import Testing

@Suite("Retransmission buffer")
struct RetransmissionBufferTests {
  /// What the buffer gives for a number.
  private func packet(_ number: Int, in buffer: borrowing RetransmissionBuffer) -> [UInt8]? {
    var bytes: [UInt8]?
    let found = buffer.withPacket(UInt16(truncatingIfNeeded: number)) { bytes = $0.array() }
    return found ? bytes : nil
  }

  @Test("the latest packets come back as they went in, whatever their lengths")
  func model() {
    var generator = RandomSource.seeded(2)
    for byteCapacity in [64, 500, 2048, 12 * 1024, 100_000] {
      var buffer = RetransmissionBuffer(packetCapacity: 16, byteCapacity: byteCapacity)
      var sent: [(number: Int, bytes: [UInt8])] = []
      for index in 0..<2000 {
        let count = Int.random(in: 0...Int.random(in: 1...300, using: &generator), using: &generator)
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 + index) }
        buffer.insert(sequenceNumber: UInt16(truncatingIfNeeded: 65000 + index), packet: bytes.span.bytes)
        sent.append((65000 + index, bytes))
        // Those that are kept are the newest in one piece, and each is whole.
        var isGone = false
        var keptCount = 0
        for (number, bytes) in sent.suffix(17).reversed() {
          let kept = packet(number, in: buffer)
          if kept == nil { isGone = true }
          if kept != nil { keptCount += 1 }
          if kept != nil, isGone || kept != bytes { Issue.record("\(number), capacity \(byteCapacity)") }
        }
        if byteCapacity >= 12 * 1024, keptCount != min(16, index + 1) { Issue.record("\(keptCount) kept") }
        if count + 8 <= byteCapacity / 2, keptCount == 0 { Issue.record("the newest was not kept") }
      }
    }
  }

  @Test("a number that came again gives the newer packet, and one never sent gives none")
  func again() {
    var buffer = RetransmissionBuffer()
    buffer.insert(sequenceNumber: 5, packet: [1 as UInt8].span.bytes)
    buffer.insert(sequenceNumber: 5, packet: [2 as UInt8].span.bytes)
    #expect(packet(5, in: buffer) == [2])
    #expect(packet(6, in: buffer) == nil)
    buffer.removeAll()
    #expect(packet(5, in: buffer) == nil)
  }
}
