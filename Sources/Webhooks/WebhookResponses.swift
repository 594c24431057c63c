import Foundation
import FoundationNetworking
import Synchronization

/// Sends requests and reads of their responses the status, and no more of the body than a well-meant one has.
///
/// A class because it is the session's delegate; the lock guards who waits.
final class WebhookResponses: NSObject, URLSessionDataDelegate, Sendable {
  /// Past it the transfer is cut: the status is known by then.
  static let bodyByteLimit = 64 * 1024

  private struct Attempt {
    let continuation: CheckedContinuation<WebhookRetry.Outcome, Never>
    var byteCount = 0
  }

  private let attempts = Mutex<[Int: Attempt]>([:])

  func send(_ request: URLRequest, in session: URLSession) async -> WebhookRetry.Outcome {
    let task = session.dataTask(with: request)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        attempts.withLock { $0[task.taskIdentifier] = Attempt(continuation: continuation) }
        guard !Task.isCancelled else { return finish(task, .failed("cancelled")) }
        task.resume()
      }
    } onCancel: {
      task.cancel()
      finish(task, .failed("cancelled"))
    }
  }

  private func finish(_ task: URLSessionTask, _ outcome: WebhookRetry.Outcome) {
    attempts.withLock { $0.removeValue(forKey: task.taskIdentifier) }?.continuation.resume(returning: outcome)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let isTooLong = attempts.withLock { attempts in
      attempts[dataTask.taskIdentifier]?.byteCount += data.count
      return attempts[dataTask.taskIdentifier].map { $0.byteCount > Self.bodyByteLimit } ?? false
    }
    if isTooLong { dataTask.cancel() }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    if let response = task.response as? HTTPURLResponse {
      finish(task, .status(response.statusCode))
    } else {
      finish(task, .failed("no answer (\((error as? URLError)?.code.rawValue ?? 0))"))
    }
  }

  /// The token is for the URL that was configured, not for wherever it points.
  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}
