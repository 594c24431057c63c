import API
import Base
import Foundation
import LiveKitProtocol
import Logging
import SwiftProtobuf
import Synchronization

/// Posts events to the configured URLs. Each URL has a few queues; events of one room go through one, in order, and so do
/// those of one call. A full queue drops what comes next: whoever posts never waits.
public final class WebhookSender: WebhookEvents {
  /// Per URL.
  static let queueCount = 8
  /// Events that may wait in one queue, and their bytes: metadata and attributes make one a few hundred kilobytes long.
  static let queueLimit = 512
  static let queueByteLimit = 4 * 1024 * 1024

  private struct Queue: Sendable {
    let deliveries: WebhookQueue
    let task: Task<Void, Never>
  }

  private let queues: [[Queue]]
  private let log: Logger
  private let unixSeconds: @Sendable () -> Int64
  /// Events that found their queue full, since the start.
  private let dropped = Mutex(0)

  /// - Parameter urls: `http` or `https`.
  public init(
    urls: [URL], apiKey: String, secret: String, log: Logger, unixSeconds: @escaping @Sendable () -> Int64,
    retryDelays: [Duration]? = nil
  ) {
    self.log = log
    self.unixSeconds = unixSeconds
    let signer = WebhookSigner(apiKey: apiKey, secret: secret)
    queues = urls.map { url in
      (0..<Self.queueCount).map { _ in
        let session = WebhookSession(url: url, signer: signer, log: log, unixSeconds: unixSeconds)
        let deliveries = WebhookQueue(limit: Self.queueLimit, byteLimit: Self.queueByteLimit)
        let task = Task {
          await deliveries.deliver { delivery in
            await session.deliver(
              delivery.body, event: delivery.name, WebhookRetry(delays: retryDelays ?? WebhookRetry.delays))
          }
        }
        return Queue(deliveries: deliveries, task: task)
      }
    }
  }

  public func post(_ event: Livekit_WebhookEvent) {
    var event = event
    event.id = GUID.make(prefix: "EV_")
    event.createdAt = unixSeconds()
    post(event, name: event.event, of: event.room.name)
  }

  public func post(_ event: Trunkline_CallEvent) {
    var event = event
    event.id = GUID.make(prefix: "EV_")
    event.createdAt = unixSeconds()
    // Not by room: a call has none at first.
    post(event, name: event.event, of: event.sipCallInfo.callID)
  }

  public var droppedCount: Int { dropped.withLock { $0 } }

  /// Takes nothing more, and returns when everything has been delivered or `limit` has passed.
  public func close(within limit: Duration) async {
    for queue in queues.joined() { queue.deliveries.finish() }
    await withTaskGroup { group in
      group.addTask { [queues] in for queue in queues.joined() { await queue.task.value } }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      for queue in queues.joined() { queue.task.cancel() }
      group.cancelAll()
    }
  }

  private func post(_ event: some Message, name: String, of subject: String) {
    guard let body: [UInt8] = try? event.jsonUTF8Bytes() else { return }
    for ofURL in queues {
      let queue = ofURL[Int(Self.hash(subject) % UInt64(Self.queueCount))]
      if !queue.deliveries.add(WebhookQueue.Delivery(name: name, body: body)) { noteDropped() }
    }
  }

  private func noteDropped() {
    let count = dropped.withLock { count in
      count += 1
      return count
    }
    // The first one, and every hundredth: a receiver that is gone must not fill the log.
    if count % 100 == 1 {
      log.warning("webhooks were dropped because their queue is full", metadata: ["dropped": "\(count)"])
    }
  }

  /// FNV-1a: the same room, or call, is in the same queue.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
