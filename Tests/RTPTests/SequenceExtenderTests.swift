import RTP
import Testing

@Suite("Sequence numbers")
struct SequenceExtenderTests {
  @Test("from every start, steps of every kind cross the wrap")
  func everyStart() {
    for start in 0..<65536 {
      var extender = SequenceExtender()
      var highest = Int64(start)
      guard extender.extend(UInt16(start)) == highest else {
        Issue.record("start \(start)")
        return
      }
      for step in [1, -1, 2, 100, -99, 32767, -32767, 1] as [Int64] {
        let target = highest + step
        guard extender.extend(UInt16(truncatingIfNeeded: target)) == target else {
          Issue.record("start \(start), step \(step)")
          return
        }
        highest = max(highest, target)
        guard extender.highest == highest else {
          Issue.record("highest after start \(start), step \(step)")
          return
        }
      }
    }
  }

  @Test("every distance below half the range is told in its direction")
  func everyDistance() {
    for base in [0, 1, 32767, 32768, 65535] as [Int64] {
      for distance in -32768...32767 as ClosedRange<Int64> {
        var extender = SequenceExtender()
        _ = extender.extend(UInt16(base))
        let target = base + distance
        if extender.extended(UInt16(truncatingIfNeeded: target)) != target {
          Issue.record("\(base) \(distance)")
          return
        }
      }
    }
  }

  @Test("ten wraps of packets in order count on")
  func tenWraps() {
    var extender = SequenceExtender()
    for number in 65000..<(65000 + 10 * 65536) as Range<Int64>
    where extender.extend(UInt16(truncatingIfNeeded: number)) != number {
      Issue.record("\(number)")
      return
    }
  }

  @Test("timestamps cross the wrap both ways")
  func timestamps() {
    var extender = TimestampExtender()
    let steps = [(.max - 79, 0xFFFF_FFB0), (80, 0x1_0000_0050), (.max, 0xFFFF_FFFF)] as [(UInt32, Int64)]
    for (timestamp, extended) in steps + [(0x8000_0000, 0x8000_0000)] {
      let given = extender.extend(timestamp)
      #expect(given == extended)
    }
    #expect(extender.latest == 0x8000_0000)
  }
}
