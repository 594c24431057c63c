import Base
import Capture

/// One request of ours that waits for its final response (RFC 3261 §17.1).
struct ReplayTransaction {
  /// RFC 3261 §17.1.1.1.
  private static let firstInterval = Duration.milliseconds(500)
  private static let longestInterval = Duration.seconds(4)

  let request: SIPMessage
  let method: String
  let sequenceNumber: UInt32
  /// The body of the ACK that a 2xx to an INVITE gets. Empty when the INVITE had an offer.
  let acknowledgement: [UInt8]
  private(set) var hasProvisional = false
  private let isReliable: Bool
  private var interval = firstInterval
  private var resendAt: MonotonicTime
  private let giveUpAt: MonotonicTime

  init(
    _ request: SIPMessage, acknowledgement: [UInt8] = [], isReliable: Bool, timeout: Duration, now: MonotonicTime
  ) {
    self.request = request
    method = request.method ?? ""
    sequenceNumber = request.cseq?.number ?? 0
    self.acknowledgement = acknowledgement
    self.isReliable = isReliable
    resendAt = now + interval
    giveUpAt = now + timeout
  }

  func isAnswered(by response: SIPMessage) -> Bool {
    guard let cseq = response.cseq else { return false }
    return cseq.method == method && cseq.number == sequenceNumber && response.branch == request.branch
  }

  mutating func tookProvisional() { hasProvisional = true }

  /// A ringing INVITE may wait for ever; nothing else may.
  func isOverdue(_ now: MonotonicTime) -> Bool { now >= giveUpAt && !(method == "INVITE" && hasProvisional) }

  /// The request once more, when its time has come.
  mutating func repetition(_ now: MonotonicTime) -> SIPMessage? {
    guard !isReliable, !hasProvisional, now >= resendAt else { return nil }
    interval = min(interval * 2, Self.longestInterval)
    resendAt = now + interval
    return request
  }

  /// When `isOverdue` or `repetition` is to be asked next.
  var deadline: MonotonicTime? {
    if hasProvisional { return method == "INVITE" ? nil : giveUpAt }
    return isReliable ? giveUpAt : min(resendAt, giveUpAt)
  }
}
