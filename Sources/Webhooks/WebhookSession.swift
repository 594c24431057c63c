import Foundation
import FoundationNetworking
import LiveKitProtocol
import Logging

/// Posts bodies to one URL until they are taken or given up.
struct WebhookSession: Sendable {
  let url: URL
  let signer: WebhookSigner
  let log: Logger
  let unixSeconds: @Sendable () -> Int64
  private let session: URLSession
  private let responses = WebhookResponses()

  private static let attemptSeconds: Double = 10

  init(url: URL, signer: WebhookSigner, log: Logger, unixSeconds: @escaping @Sendable () -> Int64) {
    self.url = url
    self.signer = signer
    self.log = log
    self.unixSeconds = unixSeconds
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = Self.attemptSeconds
    configuration.timeoutIntervalForResource = Self.attemptSeconds
    configuration.httpMaximumConnectionsPerHost = WebhookSender.queueCount
    configuration.httpShouldSetCookies = false
    session = URLSession(configuration: configuration, delegate: responses, delegateQueue: nil)
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
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.httpBody = Data(body)
    request.setValue("application/webhook+json", forHTTPHeaderField: "Content-Type")
    request.setValue("trunkline", forHTTPHeaderField: "User-Agent")
    do {
      request.setValue(
        try await signer.authorization(for: body, unixSeconds: unixSeconds()), forHTTPHeaderField: "Authorization")
    } catch {
      return .failed(error.reason)
    }
    return await responses.send(request, in: session)
  }

  /// Without its query and user, which may be secrets.
  private var shownURL: String { "\(url.scheme ?? "")://\(url.host ?? "")\(url.path)" }
}
