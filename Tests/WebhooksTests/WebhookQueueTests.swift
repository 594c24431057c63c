import Testing

@testable import Webhooks

@Suite struct WebhookQueueTests {
  private func delivery(_ name: String, _ byteCount: Int = 1) -> WebhookQueue.Delivery {
    WebhookQueue.Delivery(name: name, body: Array(repeating: 0x78, count: byteCount))
  }

  @Test("what finds its queue full, by number or by bytes, is not taken; the rest comes in order")
  func limits() async {
    let queue = WebhookQueue(limit: 3, byteLimit: 10)
    #expect(queue.add(delivery("a", 4)) && queue.add(delivery("b", 6)))
    #expect(!queue.add(delivery("c", 1)), "bytes")
    queue.finish()
    var names: [String] = []
    await queue.deliver { names.append($0.name) }
    #expect(names == ["a", "b"])

    let short = WebhookQueue(limit: 2, byteLimit: 100)
    #expect(short.add(delivery("a")) && short.add(delivery("b")) && !short.add(delivery("c")), "number")
  }

  @Test("a delivery counts until it is done with, and one that was not taken does not count")
  func room() async {
    let queue = WebhookQueue(limit: 1, byteLimit: 10)
    #expect(queue.add(delivery("a", 10)))
    #expect(!queue.add(delivery("b", 10)))
    var names: [String] = []
    await queue.deliver { delivery in
      names.append(delivery.name)
      if delivery.name == "a" {
        #expect(!queue.add(self.delivery("early", 1)), "the first one is under way")
        #expect(queue.add(self.delivery("empty", 0)))
      } else {
        #expect(queue.add(self.delivery("next", 10)) == (delivery.name == "empty"))
        queue.finish()
      }
    }
    #expect(names == ["a", "empty", "next"])
  }
}
