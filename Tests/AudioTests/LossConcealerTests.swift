import CSpanDSP
import Testing

@testable import Audio

@Suite("loss concealment")
struct LossConcealerTests {
  @Test("a lost frame is filled with the tone that went before", arguments: [80, 160, 240, 480])
  func fills(samplesPerFrame: Int) throws {
    var concealer = try made(LossConcealer())
    for index in 0..<(4800 / samplesPerFrame) {
      var frame = [Int16].tone(200, peak: 8000, count: samplesPerFrame, from: index * samplesPerFrame)
      frame.withSpan { concealer.receive(&$0) }
    }
    var gap = [Int16](repeating: 0, count: samplesPerFrame)
    gap.withSpan { concealer.fill(&$0) }
    // The first 10 ms are not yet faded.
    #expect(abs(decibels(Array(gap[..<80]).amplitude(atHz: 200), over: 8000)) < 3)
  }

  @Test("a gap shorter than a quarter of a pitch period is silent, and nothing behind it is touched")
  func shortGap() throws {
    var concealer = try made(LossConcealer())
    for index in 0..<10 {
      var frame = [Int16].tone(70, peak: 8000, count: 160, from: index * 160)
      frame.withSpan { concealer.receive(&$0) }
    }
    var short = [Int16](repeating: 5, count: LossConcealer.minimumSampleCount - 1)
    short.withSpan { concealer.fill(&$0) }
    #expect(short.allSatisfy { $0 == 0 })
    var enough = [Int16](repeating: 5, count: LossConcealer.minimumSampleCount)
    enough.withSpan { concealer.fill(&$0) }
    #expect(enough.contains { $0 != 0 && $0 != 5 })
  }

  @Test(
    "the gap is what spandsp makes of the same samples, wherever its ring of past samples stands", arguments: 1...12)
  func fillsLikeSpanDSP(frameCount: Int) throws {
    var concealer = try made(LossConcealer())
    let theirs = try #require(plc_init(nil))
    defer { plc_free(theirs) }
    for index in 0..<frameCount {
      var frame = [Int16].tone(90 + 7 * Double(frameCount), peak: 8000, count: 100, from: index * 100)
      _ = plc_rx(theirs, &frame, 100)
      frame.withSpan { concealer.receive(&$0) }
    }
    var gap = [Int16](repeating: 0, count: 160)
    gap.withSpan { concealer.fill(&$0) }
    var expected = [Int16](repeating: 0, count: 160)
    // spandsp straightens with a memcpy that overlaps, where the address sanitizer stops: the ring is turned here too.
    let start = Int(theirs.pointee.buf_ptr)
    withUnsafeMutableBytes(of: &theirs.pointee.history) { bytes in
      let history = bytes.assumingMemoryBound(to: Int16.self)
      let turned = Array(history[start...]) + Array(history[..<start])
      for index in turned.indices { history[index] = turned[index] }
    }
    theirs.pointee.buf_ptr = 0
    _ = plc_fillin(theirs, &expected, 160)
    #expect(gap == expected)
  }

  @Test("a long gap fades to silence")
  func fades() throws {
    var concealer = try made(LossConcealer())
    for index in 0..<20 {
      var frame = [Int16].tone(200, peak: 8000, count: 160, from: index * 160)
      frame.withSpan { concealer.receive(&$0) }
    }
    var gap = [Int16](repeating: 1, count: 160)
    for _ in 0..<5 { gap.withSpan { concealer.fill(&$0) } }
    #expect(gap.allSatisfy { $0 == 0 })
  }

  @Test("the first frame after a gap is blended in, those after it are left alone")
  func blends() throws {
    var concealer = try made(LossConcealer())
    let loud = [Int16].tone(200, peak: 8000, count: 160)
    for _ in 0..<10 {
      var frame = loud
      frame.withSpan { concealer.receive(&$0) }
      #expect(frame == loud)
    }
    var gap = [Int16](repeating: 0, count: 160)
    gap.withSpan { concealer.fill(&$0) }
    let silence = [Int16](repeating: 0, count: 160)
    var first = silence
    first.withSpan { concealer.receive(&$0) }
    #expect(Array(first[..<20]).rms > 100)
    #expect(first.last == 0)
    var second = silence
    second.withSpan { concealer.receive(&$0) }
    #expect(second == silence)
  }
}
