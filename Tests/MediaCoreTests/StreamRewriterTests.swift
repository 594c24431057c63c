import Base
import RTP
import Testing

@testable import MediaCore

@Suite("Stream rewriter")
struct StreamRewriterTests {
  private func header(_ sequenceNumber: Int, _ timestamp: Int, ssrc: UInt32 = 1) -> RTPHeader {
    RTPHeader(
      payloadType: 0, sequenceNumber: UInt16(truncatingIfNeeded: sequenceNumber),
      timestamp: UInt32(truncatingIfNeeded: timestamp), ssrc: ssrc)
  }

  private func time(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: Int64(milliseconds) * 1_000_000)
  }

  @Test("a source passes with an offset in number and none in time, over the wrap of both")
  func passes() throws {
    var rewriter = StreamRewriter(clockRateHz: 48_000, firstSequenceNumber: 100)
    for index in 0..<200_000 {
      let position = try rewriter.place(header(65_000 + index, 7 + index * 960), at: time(index * 20))
      #expect(position.sequenceNumber == UInt16(truncatingIfNeeded: 100 + index))
      #expect(position.timestamp == UInt32(truncatingIfNeeded: 7 + index * 960))
      #expect(position.startsSource == (index == 0))
    }
  }

  @Test(
    "a new source, a source that ended and a jump begin behind the last number",
    arguments: [
      "new SSRC", "ended", "jump ahead", "jump back",
    ])
  func change(kind: String) throws {
    var rewriter = StreamRewriter(clockRateHz: 8000, firstSequenceNumber: 0)
    for index in 0..<10 { _ = rewriter.rewrite(header(5000 + index, index * 160), at: time(index * 20)) }
    if kind == "ended" { rewriter.endSource() }
    let next =
      switch kind {
      case "jump ahead": header(20_000, 77)
      case "jump back": header(1000, 77)
      case "ended": header(5010, 77)
      default: header(9, 77, ssrc: 2)
      }
    let position = try rewriter.place(next, at: time(180 + 1000))
    #expect(position.sequenceNumber == 10)
    #expect(position.timestamp == 9 * 160 + 8000)
    #expect(position.startsSource)
  }

  @Test("two sources at one moment differ by at least a packet in time")
  func sameMoment() throws {
    var rewriter = StreamRewriter(clockRateHz: 48_000, firstSequenceNumber: 0)
    let first = try rewriter.place(header(1, 1), at: time(5))
    let second = try rewriter.place(header(1, 1, ssrc: 2), at: time(5))
    #expect(second.timestamp == first.timestamp &+ 960)
  }

  @Test("packets from before the change, and far too old ones, are not placed")
  func tooOld() {
    var rewriter = StreamRewriter(clockRateHz: 8000, firstSequenceNumber: 0)
    _ = rewriter.rewrite(header(100, 0), at: time(0))
    #expect(rewriter.rewrite(header(99, 0), at: time(1)) == nil)
    _ = rewriter.rewrite(header(300, 0), at: time(2))
    #expect(rewriter.rewrite(header(150, 0), at: time(3)) == nil)
    #expect(rewriter.rewrite(header(250, 0), at: time(3)) != nil)
  }

  @Test("no number is ever given to two packets", arguments: 0..<20)
  func unique(seed: Int) {
    var random = RandomSource.seeded(UInt64(seed))
    var rewriter = StreamRewriter(clockRateHz: 8000, firstSequenceNumber: 32_000)
    var given: Set<UInt16> = []
    // As SRTP does, the input shows each packet of a source once.
    var shown: Set<UInt64> = []
    var (ssrc, number) = (UInt32(1), 60_000)
    for step in 0..<5000 {
      switch Int.random(in: 0..<100, using: &random) {
      case 0: ssrc += 1
      case 1: rewriter.endSource()
      case 2: number += Int.random(in: 1...10, using: &random)
      default: number += 1
      }
      let sent = number - (Int.random(in: 0..<5, using: &random) == 0 ? Int.random(in: 0..<120, using: &random) : 0)
      guard shown.insert(UInt64(ssrc) << 32 | UInt64(UInt16(truncatingIfNeeded: sent))).inserted else { continue }
      if let position = rewriter.rewrite(header(sent, step * 160, ssrc: ssrc), at: time(step * 20)) {
        #expect(given.insert(position.sequenceNumber).inserted, "seed \(seed), step \(step)")
      }
    }
  }
}

extension StreamRewriter {
  private struct NotPlaced: Error {}

  /// `#require` takes no mutating call.
  fileprivate mutating func place(_ header: RTPHeader, at now: MonotonicTime) throws -> Position {
    guard let position = rewrite(header, at: now) else { throw NotPlaced() }
    return position
  }
}
