import Foundation
import LiveKitProtocol
import Logging

/// Posts bodies to one URL until they are taken or given up.
struct WebhookSession: Sendable {
  let url: URL
  let signer: WebhookSigner
  let log: Logger
  let unixSeconds: @Sendable () -> Int64
  /// Nil: there was no memory for it.
  private let connection: WebhookConnection?

  init(url: URL, signer: WebhookSigner, log: Logger, unixSeconds: @escaping @Sendable () -> Int64) {
    self.url = url
    self.signer = signer
    self.log = log
    self.unixSeconds = unixSeconds
    connection = WebhookConnection(url)
  }

  func deliver(_ body: [UInt8], event: String, _ retry: WebhookRetry) async {
    var retry = retry
    while !Task.isCancelled {
      let outcome = await attempt(body)
      switch retry.decide(outcome) {
      case .done: return
      case .giveUp:
        return log.error(
          "a webhook was given up", metadata: ["event": "\(event)", "url": "\(shownURL)", "outcome": "\(outcome)"])
      case .again(let delay):
        log.notice(
          "a webhook was not taken",
          metadata: [
            "event": "\(event)", "url": "\(shownURL)", "outcome": "\(outcome)", "next": "\(delay)",
          ])
        try? await Task.sleep(for: delay)
      }
    }
  }

  private func attempt(_ body: [UInt8]) async -> WebhookRetry.Outcome {
    let token: String
    do {
      token = try await signer.authorization(for: body, unixSeconds: unixSeconds())
    } catch {
      return .failed(error.reason)
    }
    guard let connection else { return .failed("out of memory") }
    return await connection.post(
      body,
      headers: [
        // An empty Expect: libcurl would wait for 100 (Continue) before a long body.
        "Content-Type: application/webhook+json", "User-Agent: trunkline", "Expect:", "Authorization: \(token)",
      ])
  }

  /// Without its query and user, which may be secrets.
  private var shownURL: String { "\(url.scheme ?? "")://\(url.host ?? "")\(url.path)" }
}
