import Base
import Testing

@testable import Transport

@Suite("SCTP's time")
struct SCTPClockTests {
  private func milliseconds(_ count: Int) -> MonotonicTime { .zero + .seconds(1000) + .milliseconds(count) }

  @Test("it passes once, however many loops tell it, and nothing of it is lost")
  func countsOnce() {
    var clock = SCTPClock()
    var passed: Int64 = 0
    for tick in 0...1000 {
      // Three loops whose ticks of 20 ms lie 0.3 and 13.7 ms behind the first one's.
      passed += clock.advance(to: milliseconds(20 * tick))
      passed += clock.advance(to: milliseconds(20 * tick) + .microseconds(300))
      passed += clock.advance(to: milliseconds(20 * tick) + .microseconds(13_700))
    }
    #expect((20_000...20_013).contains(passed))
  }

  @Test("a call within 10 ms of another, or slightly before it, lets no time pass", arguments: [-900, -1, 0, 5, 9])
  func ignoresEarly(offset: Int) {
    var clock = SCTPClock()
    #expect(clock.advance(to: milliseconds(0)) == 0)
    #expect(clock.advance(to: milliseconds(100)) == 100)
    #expect(clock.advance(to: milliseconds(100 + offset)) == 0)
    #expect(clock.advance(to: milliseconds(110)) == 10)
  }

  @Test("another clock, far behind, is followed from where it stands")
  func followsOtherClock() {
    var clock = SCTPClock()
    _ = clock.advance(to: milliseconds(0))
    #expect(clock.advance(to: .zero) == 0)
    #expect(clock.advance(to: .zero + .milliseconds(20)) == 20)
  }
}
