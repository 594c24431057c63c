import Base
import Testing

@testable import SIP

@Suite("memory of refusals")
struct RefusalMemoryTests {
  private func key(_ number: Int) -> RefusalMemory.Key {
    RefusalMemory.Key(callID: "call", fromTag: "tag", sequenceNumber: UInt32(number), branch: "branch")
  }

  private let refusal = RefusalMemory.Refusal(response: SIPResponse(404, "Not Found"), tag: "SCL_1")

  @Test("a refusal is remembered for the time of retransmissions")
  func lifetime() {
    var memory = RefusalMemory()
    memory.remember(refusal, for: key(1), at: .zero)
    #expect(memory.refusal(key(1), at: .zero + .seconds(31))?.response?.status == 404)
    #expect(memory.refusal(key(2), at: .zero) == nil)
    #expect(memory.refusal(key(1), at: .zero + .seconds(32)) == nil)
  }

  @Test("only so many are kept, the newest")
  func bound() {
    var memory = RefusalMemory()
    for number in 0..<(3 * RefusalMemory.capacity) { memory.remember(refusal, for: key(number), at: .zero) }
    let kept = (0..<(3 * RefusalMemory.capacity)).filter { memory.refusal(key($0), at: .zero) != nil }
    #expect(kept == Array((2 * RefusalMemory.capacity)..<(3 * RefusalMemory.capacity)))
  }

  @Test("the same transaction twice takes one place")
  func twice() {
    var memory = RefusalMemory()
    for _ in 0..<RefusalMemory.capacity { memory.remember(refusal, for: key(0), at: .zero) }
    memory.remember(refusal, for: key(1), at: .zero)
    #expect(memory.refusal(key(0), at: .zero) != nil)
  }
}
