import Base
import SIP
import Telephony

/// INVITEs that are not answered before it is known that they are somebody's (`hide_inbound_port`), while a cluster is
/// asked about them: the first one is left as if it had not come, and its retransmission finds the decision. Over UDP
/// there always is one, after 500 ms (RFC 3261 §17.1.1.2).
struct HiddenArrivals {
  /// Names one INVITE transaction.
  struct Key: Hashable {
    let callID: String
    let fromTag: String
    let sequenceNumber: UInt32
    let branch: String
  }

  struct Decision {
    let call: CallFacts
    let admission: Dispatcher.Admission
    /// Nil: credentials come first.
    let outcome: DispatchOutcome?
  }

  static let capacity = 1024
  /// A decision that no retransmission asks for in this time is not asked for any more; nor is one awaited longer.
  static let lifetime: Duration = .seconds(16)

  /// Keys of `entries`, the oldest first.
  private var order: [Key] = []
  private var entries: [Key: (decision: Decision?, expiry: MonotonicTime)] = [:]

  /// True: nobody has asked about it, and the caller of this must.
  mutating func begin(_ key: Key, now: MonotonicTime) -> Bool {
    if let entry = entries[key], now < entry.expiry { return false }
    if entries[key] == nil { order.append(key) }
    entries[key] = (nil, now + Self.lifetime)
    // Whoever fills the table pushes out what came first, most of it their own.
    if order.count > Self.capacity { entries[order.removeFirst()] = nil }
    return true
  }

  mutating func decide(_ key: Key, _ decision: Decision, now: MonotonicTime) {
    guard entries[key] != nil else { return }
    entries[key] = (decision, now + Self.lifetime)
  }

  /// Nil: it is not decided.
  mutating func take(_ key: Key, now: MonotonicTime) -> Decision? {
    guard let entry = entries[key], let decision = entry.decision, now < entry.expiry else { return nil }
    entries[key] = nil
    order.removeAll { $0 == key }
    return decision
  }
}

extension HiddenArrivals.Key {
  init(_ invite: IncomingInvite) {
    self.init(
      callID: invite.callID, fromTag: invite.from.tag ?? "", sequenceNumber: invite.sequenceNumber,
      branch: invite.via.first?.branch ?? "")
  }
}
