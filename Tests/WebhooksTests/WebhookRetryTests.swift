import Testing

@testable import Webhooks

@Suite struct WebhookRetryTests {
  static let finals: [(WebhookRetry.Outcome, WebhookRetry.Decision)] = [
    (.status(200), .done), (.status(204), .done), (.status(301), .giveUp), (.status(400), .giveUp),
    (.status(401), .giveUp), (.status(404), .giveUp),
  ]

  @Test("what a receiver takes or refuses is done with", arguments: finals)
  func final(outcome: WebhookRetry.Outcome, decision: WebhookRetry.Decision) {
    var retry = WebhookRetry()
    #expect(retry.decide(outcome) == decision)
  }

  @Test(
    "a receiver that is gone, busy or broken is asked again, less and less often, and then given up",
    arguments: [.failed("refused"), .status(500), .status(503), .status(429), .status(408)] as [WebhookRetry.Outcome])
  func repeated(outcome: WebhookRetry.Outcome) {
    var retry = WebhookRetry()
    var delays: [Duration] = []
    while case .again(let delay) = retry.decide(outcome) { delays.append(delay) }
    #expect(delays == WebhookRetry.delays && delays == delays.sorted())
    #expect(retry.decide(outcome) == .giveUp)
    let total = delays.reduce(Duration.zero, +)
    #expect(total > .seconds(300) && total < .seconds(900))
  }
}
