import CCurl
import Dispatch
import Foundation

/// The way to one URL for one queue of events: libcurl, on a thread that it may block.
///
/// A class because its queue shares it, unchecked because libcurl's handle is touched on that queue alone; cancelling may
/// come from anywhere.
final class WebhookConnection: @unchecked Sendable {
  private let poster: OpaquePointer
  private let queue = DispatchQueue(label: "trunkline.webhook")

  /// From the first byte of the request to the last of the response.
  private static let timeoutMilliseconds = 10_000
  /// Of a response's headers, and of its body. The status is known before.
  static let responseByteLimit = 64 * 1024

  /// Nil when there is no memory.
  init?(_ url: URL) {
    guard let poster = trunkline_poster_open(url.absoluteString) else { return nil }
    self.poster = poster
  }

  deinit { trunkline_poster_close(poster) }

  /// - Parameter headers: `Name: value`, in which nobody may have smuggled a line's end.
  func post(_ body: [UInt8], headers: [String]) async -> WebhookRetry.Outcome {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        queue.async { [self] in continuation.resume(returning: perform(body, headers)) }
      }
    } onCancel: {
      trunkline_poster_cancel(poster)
    }
  }

  private func perform(_ body: [UInt8], _ headers: [String]) -> WebhookRetry.Outcome {
    let copies = headers.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let texts = copies.compactMap { $0.map { UnsafePointer($0) } }
    return texts.withUnsafeBufferPointer { texts in
      body.withUnsafeBytes { body in
        guard let headers = texts.baseAddress, let start = body.baseAddress else { return .failed("nothing to send") }
        var reason = UnsafePointer<CChar>(headers[0])
        let status = trunkline_poster_post(
          poster, headers, texts.count, start, body.count, Self.timeoutMilliseconds, Self.responseByteLimit, &reason)
        return status > 0 ? .status(status) : .failed(String(cString: reason))
      }
    }
  }
}
