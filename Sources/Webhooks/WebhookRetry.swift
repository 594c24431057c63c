/// When a webhook is sent again, and when it is given up.
struct WebhookRetry: Sendable {
  /// Waits between attempts: 12 attempts in about 10 minutes.
  static let delays: [Duration] = [
    .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(15), .seconds(30), .seconds(60),
    .seconds(120), .seconds(180), .seconds(180),
  ]

  enum Outcome: Hashable, Sendable {
    /// The receiver's status.
    case status(Int)
    /// There was no response: refused, timed out, no such host.
    case failed(String)
  }

  enum Decision: Hashable, Sendable {
    case done
    case again(after: Duration)
    case giveUp
  }

  private let delays: [Duration]
  private var attempts = 0

  init(delays: [Duration] = WebhookRetry.delays) { self.delays = delays }

  /// What to do after an attempt. A receiver that says no is not asked again, but for 408, 425 and 429.
  mutating func decide(_ outcome: Outcome) -> Decision {
    if case .status(let status) = outcome {
      if (200..<300).contains(status) { return .done }
      if status < 500, ![408, 425, 429].contains(status) { return .giveUp }
    }
    guard attempts < delays.count else { return .giveUp }
    defer { attempts += 1 }
    return .again(after: delays[attempts])
  }
}
