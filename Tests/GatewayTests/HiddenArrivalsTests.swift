import Base
import Telephony
import Testing

@testable import Gateway

@Suite("Arrivals that are not answered before they are decided")
struct HiddenArrivalsTests {
  private let now = MonotonicTime(nanoseconds: 0)
  private let decision = HiddenArrivals.Decision(
    call: CallFacts(fromUser: "a", toUser: "b"), admission: .unmatched, outcome: nil)

  private func key(_ branch: String) -> HiddenArrivals.Key {
    HiddenArrivals.Key(callID: "c", fromTag: "t", sequenceNumber: 1, branch: branch)
  }

  @Test("one arrival is asked about once, and its decision taken once")
  func once() {
    var arrivals = HiddenArrivals()
    #expect(arrivals.begin(key("1"), now: now) && !arrivals.begin(key("1"), now: now))
    #expect(arrivals.begin(key("2"), now: now), "another transaction")
    #expect(arrivals.take(key("1"), now: now) == nil, "not decided")
    arrivals.decide(key("1"), decision, now: now)
    #expect(arrivals.take(key("1"), now: now)?.call == decision.call)
    #expect(arrivals.take(key("1"), now: now) == nil)
  }

  @Test("nobody waits for ever")
  func expires() {
    var arrivals = HiddenArrivals()
    #expect(arrivals.begin(key("1"), now: now))
    arrivals.decide(key("1"), decision, now: now)
    let later = now + HiddenArrivals.lifetime
    #expect(arrivals.take(key("1"), now: later) == nil && arrivals.begin(key("1"), now: later))
  }

  @Test("the table is bounded")
  func bounded() {
    var arrivals = HiddenArrivals()
    for index in 0..<HiddenArrivals.capacity { #expect(arrivals.begin(key("\(index)"), now: now)) }
    #expect(!arrivals.begin(key("x"), now: now))
    #expect(arrivals.begin(key("x"), now: now + HiddenArrivals.lifetime))
    arrivals.decide(key("unknown"), decision, now: now)
    #expect(arrivals.take(key("unknown"), now: now) == nil)
  }
}
