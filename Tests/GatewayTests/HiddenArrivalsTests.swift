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

  private func begin(_ branch: String, _ arrivals: inout HiddenArrivals, _ time: MonotonicTime) -> Bool {
    arrivals.begin(key(branch), now: time)
  }

  private func take(
    _ branch: String, _ arrivals: inout HiddenArrivals, _ time: MonotonicTime
  ) -> HiddenArrivals.Decision? {
    arrivals.take(key(branch), now: time)
  }

  @Test("one arrival is asked about once, and its decision taken once")
  func once() {
    var arrivals = HiddenArrivals()
    #expect(begin("1", &arrivals, now) && !begin("1", &arrivals, now))
    #expect(begin("2", &arrivals, now), "another transaction")
    #expect(take("1", &arrivals, now) == nil, "not decided")
    arrivals.decide(key("1"), decision, now: now)
    #expect(take("1", &arrivals, now)?.call == decision.call)
    #expect(take("1", &arrivals, now) == nil)
  }

  @Test("nobody waits for ever")
  func expires() {
    var arrivals = HiddenArrivals()
    #expect(begin("1", &arrivals, now))
    arrivals.decide(key("1"), decision, now: now)
    let later = now + HiddenArrivals.lifetime
    #expect(take("1", &arrivals, later) == nil && begin("1", &arrivals, later))
  }

  @Test("the table is bounded")
  func bounded() {
    var arrivals = HiddenArrivals()
    for index in 0..<HiddenArrivals.capacity { #expect(begin("\(index)", &arrivals, now)) }
    for index in 0..<2 { arrivals.decide(key("\(index)"), decision, now: now) }
    #expect(begin("x", &arrivals, now), "the one that came first makes room")
    #expect(take("0", &arrivals, now) == nil && take("1", &arrivals, now) != nil)
    arrivals.decide(key("unknown"), decision, now: now)
    #expect(take("unknown", &arrivals, now) == nil)
  }
}
