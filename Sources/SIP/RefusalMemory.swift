import Base

/// The last refusals that were given without a transaction, so that a retransmitted INVITE gets the same answer and is
/// not a second call (RFC 3261 §8.2.7). A fixed number is kept; a flood pushes out its own.
struct RefusalMemory {
  /// What was answered; nil: nothing was.
  struct Refusal {
    var response: SIPResponse?
    var tag: String?
  }

  /// Names one INVITE transaction.
  struct Key: Hashable {
    private let hash: Int

    init(callID: String, fromTag: String, sequenceNumber: UInt32, branch: String) {
      var hasher = Hasher()
      hasher.combine(callID)
      hasher.combine(fromTag)
      hasher.combine(sequenceNumber)
      hasher.combine(branch)
      hash = hasher.finalize()
    }
  }

  static let capacity = 2048
  /// Timer H: by then the peer has given up retransmitting.
  static let lifetime: Duration = .seconds(32)

  private var entries: [Key: (refusal: Refusal, expiry: MonotonicTime)] = [:]
  private var order: [Key] = []
  private var oldest = 0

  func refusal(_ key: Key, at now: MonotonicTime) -> Refusal? {
    guard let entry = entries[key], now < entry.expiry else { return nil }
    return entry.refusal
  }

  mutating func remember(_ refusal: Refusal, for key: Key, at now: MonotonicTime) {
    if entries.updateValue((refusal, now + Self.lifetime), forKey: key) != nil { return }
    if order.count < Self.capacity {
      order.append(key)
    } else {
      entries[order[oldest]] = nil
      order[oldest] = key
      oldest = (oldest + 1) % Self.capacity
    }
  }
}
