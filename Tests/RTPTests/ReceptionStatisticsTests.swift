import Base
import RTP
import Testing

@Suite("Reception statistics")
struct ReceptionStatisticsTests {
  private func report(_ statistics: inout ReceptionStatistics, at now: MonotonicTime) throws -> RTCP.ReportBlock {
    let block = statistics.reportBlock(at: now)
    return try #require(block)
  }

  @Test("loss is counted over the wrap, and the fraction since the last report")
  func loss() throws {
    var statistics = ReceptionStatistics(clockRateHz: 8000)
    let early = statistics.reportBlock(at: .zero)
    #expect(early == nil)
    for index in 0..<100 where index % 4 != 3 {
      statistics.received(
        header(65500 + index, index * 160), payloadByteCount: 160, at: .milliseconds(Double(index) * 20))
    }
    // The last one of the hundred is missing too, and nobody knows yet.
    #expect(statistics.expectedPacketCount == 99)
    #expect(statistics.packetCount == 75)
    #expect(statistics.byteCount == 75 * 160)
    let block = try report(&statistics, at: .milliseconds(2000))
    #expect(block.cumulativeLost == 24)
    #expect(block.fractionLost == 24 * 256 / 99)
    #expect(block.highestSequence == 65598)
    #expect(block.jitter == 0)
    #expect(block.lastSenderReport == 0)
    let second = try report(&statistics, at: .milliseconds(2001))
    #expect(second.fractionLost == 0)
    #expect(second.cumulativeLost == 24)
  }

  @Test("duplicates make the loss negative, and the fraction zero")
  func duplicates() throws {
    var statistics = ReceptionStatistics(clockRateHz: 8000)
    for index in 0..<10 {
      for _ in 0..<2 { statistics.received(header(index, index * 160), payloadByteCount: 0, at: .zero) }
    }
    let block = try report(&statistics, at: .zero)
    #expect(block.cumulativeLost == -10)
    #expect(block.fractionLost == 0)
  }

  @Test("jitter follows RFC 3550 A.8")
  func jitter() {
    var statistics = ReceptionStatistics(clockRateHz: 8000)
    var expected = 0
    var generator = RandomSource.seeded(1)
    var previous: Int?
    for index in 0..<500 {
      let late = Int.random(in: 0..<400, using: &generator)
      // Timestamps start just before the wrap of 32 bits.
      let timestamp = 0xFFFF_FF00 + index * 160
      let time = MonotonicTime(nanoseconds: Int64(1_000_000 + index * 160 + late) * 125_000)
      statistics.received(header(index, timestamp), payloadByteCount: 0, at: time)
      if let previous { expected += abs(late - previous) - (expected + 8) >> 4 }
      previous = late
      if statistics.jitterTicks != UInt32(expected >> 4) { Issue.record("packet \(index)") }
    }
    #expect(statistics.jitterTicks > 80)
    #expect(statistics.jitter == .nanoseconds(Int64(statistics.jitterTicks) * 125_000))
  }

  @Test("one stray number does not count as 40,000 lost, two in a row are a restart")
  func restart() {
    var statistics = ReceptionStatistics(clockRateHz: 8000)
    for index in 0..<10 { statistics.received(header(index, 0), payloadByteCount: 0, at: .zero) }
    statistics.received(header(40000, 0), payloadByteCount: 0, at: .zero)
    statistics.received(header(10, 0), payloadByteCount: 0, at: .zero)
    #expect(statistics.expectedPacketCount == 11)
    #expect(statistics.lostPacketCount == 0)
    for index in 0..<5 { statistics.received(header(50000 + index, 0), payloadByteCount: 0, at: .zero) }
    #expect(statistics.expectedPacketCount == 15)
    #expect(statistics.lostPacketCount == 0)
  }

  @Test("a change of source keeps the totals")
  func sourceChange() throws {
    var statistics = ReceptionStatistics(clockRateHz: 8000)
    for index in [0, 1, 3] { statistics.received(header(index, 0), payloadByteCount: 0, at: .zero) }
    for index in [900, 901] { statistics.received(header(index, 0, ssrc: 8), payloadByteCount: 0, at: .zero) }
    #expect(statistics.expectedPacketCount == 6)
    #expect(statistics.lostPacketCount == 1)
    let block = try report(&statistics, at: .zero)
    #expect(block.ssrc == 8)
  }

  @Test("a report block tells when the last sender report came")
  func senderReport() throws {
    var statistics = ReceptionStatistics(clockRateHz: 48000)
    statistics.received(header(1, 0), payloadByteCount: 0, at: .zero)
    statistics.received(RTCPTests.report, at: .milliseconds(1000))
    let block = try report(&statistics, at: .milliseconds(2500))
    #expect(block.lastSenderReport == 0x0001_8000)
    #expect(block.delaySinceLastSenderReport == 65536 * 3 / 2)
  }
}
