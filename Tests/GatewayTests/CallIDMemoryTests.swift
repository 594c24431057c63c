import Base
import Testing

@testable import Gateway

@Suite("Calls that were asked for credentials")
struct CallIDMemoryTests {
  private let now = MonotonicTime(nanoseconds: 0)

  @Test("the answer to a challenge is the same call, for a minute")
  func sameCall() {
    var memory = CallIDMemory()
    memory.remember("SCL_a", sipCallID: "x@y", fromTag: "1", now: now)
    #expect(memory.callID(sipCallID: "x@y", fromTag: "1", now: now + .seconds(59)) == "SCL_a")
    #expect(memory.callID(sipCallID: "x@y", fromTag: "2", now: now) == nil)
    #expect(memory.callID(sipCallID: "z", fromTag: "1", now: now) == nil)
    #expect(memory.callID(sipCallID: "x@y", fromTag: "1", now: now + .seconds(60)) == nil)
  }

  @Test("a flood of callers without credentials pushes out its own")
  func bounded() {
    var memory = CallIDMemory()
    for index in 0..<CallIDMemory.capacity + 10 {
      memory.remember("SCL_\(index)", sipCallID: "\(index)", fromTag: "", now: now)
    }
    #expect(memory.callID(sipCallID: "9", fromTag: "", now: now) == nil)
    #expect(memory.callID(sipCallID: "10", fromTag: "", now: now) == "SCL_10")
    memory.remember("SCL_new", sipCallID: "10", fromTag: "", now: now + .seconds(30))
    #expect(memory.callID(sipCallID: "10", fromTag: "", now: now + .seconds(80)) == "SCL_new")
  }
}
