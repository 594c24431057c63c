import Base
import Testing

@testable import Telephony

@Suite("Source limiter")
struct SourceLimiterTests {
  static func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  @Test("a burst passes, then the rate")
  func rate() {
    var limiter = SourceLimiter(ratePerSecond: 10, burst: 5)
    let source = IPAddress(v4: 0x0A00_0001)
    let first = (0..<100).count { _ in limiter.admit(source, now: Self.time(0)) }
    #expect(first == 5)
    var admitted = 0
    for millisecond in 1...10_000 where limiter.admit(source, now: Self.time(Int64(millisecond))) { admitted += 1 }
    #expect(admitted == 100)
  }

  @Test("a pause refills the burst and no more")
  func refill() {
    var limiter = SourceLimiter(ratePerSecond: 10, burst: 5)
    let source = IPAddress(v4: 1)
    _ = (0..<10).count { _ in limiter.admit(source, now: Self.time(0)) }
    let later = (0..<10).count { _ in limiter.admit(source, now: Self.time(3_600_000)) }
    #expect(later == 5)
  }

  @Test("a clock that stands still or steps back admits nobody twice")
  func clock() {
    var limiter = SourceLimiter(ratePerSecond: 1, burst: 1)
    let source = IPAddress(v4: 1)
    let admitted = [5000, 5000, 0, 5000].map { limiter.admit(source, now: Self.time($0)) }
    #expect(admitted == [true, false, false, false])
  }

  @Test("one source does not use up another's tokens")
  func separate() {
    var limiter = SourceLimiter(ratePerSecond: 1, burst: 1)
    let sources = [IPAddress(v4: 1), IPAddress(v4: 2), IPAddress(v6: 1 << 32, 1), IPAddress(v4: 1)]
    let admitted = sources.map { limiter.admit($0, now: Self.time(0)) }
    #expect(admitted == [true, true, true, false])
  }

  @Test("an IPv6 host counts by its /64")
  func slash64() {
    var limiter = SourceLimiter(ratePerSecond: 1, burst: 1)
    let network: UInt64 = 0x2001_0DB8_0000_0001
    let sources = [IPAddress(v6: network, 1), IPAddress(v6: network, 2), IPAddress(v6: network + 1, 1)]
    let admitted = sources.map { limiter.admit($0, now: Self.time(0)) }
    #expect(admitted == [true, false, true])
  }

  @Test("200,000 sources fit into the table, and a busy one keeps its place")
  func bounded() {
    var limiter = SourceLimiter(ratePerSecond: 1, burst: 2, sourceLimit: 1000, seed: 1)
    let busy = IPAddress(v4: 0xFFFF_FFFF)
    var admitted = 0
    for index in 0..<200_000 {
      let now = Self.time(Int64(index / 200))
      _ = limiter.admit(IPAddress(v4: UInt32(index)), now: now)
      if limiter.admit(busy, now: now) { admitted += 1 }
    }
    #expect(limiter.sourceCount <= 1000)
    #expect(admitted <= 4)
  }
}
