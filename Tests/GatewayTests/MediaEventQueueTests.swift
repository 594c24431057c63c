import MediaCore
import Testing

@testable import Gateway

@Suite("Media events on their way to the rooms")
struct MediaEventQueueTests {
  private let transport = TransportID(rawValue: 1)

  @Test("a flood of data packets does not pile up, however small they are", arguments: [0, 1, 1_000])
  func flood(byteCount: Int) {
    let queue = MediaEventQueue()
    let event = MediaEvent.data(transport, label: "_lossy", Array(repeating: 0, count: byteCount))
    for _ in 0..<200_000 { queue.push(event) }
    #expect(queue.droppedCount > 0)
  }

  @Test("packets that were handled make room for others")
  func handled() {
    let queue = MediaEventQueue()
    let event = MediaEvent.data(transport, label: "_lossy", [])
    for _ in 0..<200_000 {
      queue.push(event)
      queue.finishedHandling(event)
    }
    #expect(queue.droppedCount == 0)
  }
}
