import Base

/// Ids of INVITEs that were asked for credentials: the same caller's next INVITE is the same call, for logs, records and
/// a cluster that is asked about both.
struct CallIDMemory {
  static let capacity = 5000
  /// Longer than any phone takes to answer a challenge.
  static let lifetime: Duration = .seconds(60)

  private struct Key: Hashable {
    let sipCallID: String
    let fromTag: String
  }

  private var entries: [Key: (callID: String, expiry: MonotonicTime)] = [:]
  private var order: [Key] = []
  private var oldest = 0

  /// Nil: the INVITE is not the answer to a challenge.
  func callID(sipCallID: String, fromTag: String, now: MonotonicTime) -> String? {
    guard let entry = entries[Key(sipCallID: sipCallID, fromTag: fromTag)], now < entry.expiry else { return nil }
    return entry.callID
  }

  mutating func remember(_ callID: String, sipCallID: String, fromTag: String, now: MonotonicTime) {
    let key = Key(sipCallID: sipCallID, fromTag: fromTag)
    if entries.updateValue((callID, now + Self.lifetime), forKey: key) != nil { return }
    if order.count < Self.capacity {
      order.append(key)
    } else {
      entries[order[oldest]] = nil
      order[oldest] = key
      oldest = (oldest + 1) % Self.capacity
    }
  }
}
