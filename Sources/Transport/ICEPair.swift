import Base

/// One candidate pair of a checklist (RFC 8445 §6.1.2.6): a path, and what checks have shown of it.
///
///     waiting ──check sent──▶ in progress ──response──▶ succeeded
///                                 └──no response to `maximumCheckCount` checks──▶ failed
///
/// Each check is a transaction of its own, not a retransmission, as RFC 7675 §5.1 asks of consent: the response to one
/// of the last few counts.
struct ICEPair: Sendable {
  enum State: Hashable, Sendable { case waiting, inProgress, succeeded, failed }

  struct Transaction: Sendable {
    var id: STUNMessage.TransactionID
    var sentAt: MonotonicTime
    /// Sent with USE-CANDIDATE.
    var isNominating: Bool
    /// Sent in the controlling role.
    var isControlling: Bool
  }

  /// Checks without a response before the pair has failed: 4 s.
  static let maximumCheckCount = 7
  /// Transactions whose response counts: 2 s of consent checks that go unanswered.
  private static let transactionCount = 4
  private static let firstInterval = Duration.milliseconds(100)
  private static let longestInterval = Duration.milliseconds(800)

  let path: ICEPath
  let localPriority: UInt32
  let remotePriority: UInt32
  private(set) var state = State.waiting
  /// Its place in the triggered-check queue (RFC 8445 §6.1.4.1), the lowest first. Nil: not in it.
  private(set) var triggeredOrder: UInt32?
  /// The peer has nominated it, when the peer is controlling.
  var isNominatedByPeer = false
  /// When the next check is due, once there was one.
  private(set) var nextCheck = MonotonicTime.zero
  private(set) var lastResponse: MonotonicTime?
  private(set) var roundTripTime: Duration?
  private var checkCount = 0
  private var isTriggered = false
  private var transactions = InlineArray<4, Transaction?>(repeating: nil)
  private var nextTransaction = 0

  init(_ path: ICEPath, localPriority: UInt32, remotePriority: UInt32) {
    self.path = path
    self.localPriority = localPriority
    self.remotePriority = remotePriority
  }

  /// RFC 8445 §6.1.2.3.
  func priority(isControlling: Bool) -> UInt64 {
    let controlling = UInt64(isControlling ? localPriority : remotePriority)
    let controlled = UInt64(isControlling ? remotePriority : localPriority)
    return min(controlling, controlled) << 32 + 2 * max(controlling, controlled) + (controlling > controlled ? 1 : 0)
  }

  /// A check without a response is due again, or given up.
  func isOverdue(at now: MonotonicTime) -> Bool { state == .inProgress && now >= nextCheck }

  /// Puts it into the triggered-check queue. Nothing when the checks that go on have been triggered already: two sides
  /// that answer each check with one of their own would never end.
  mutating func trigger(order: UInt32) {
    guard state != .inProgress || !isTriggered else { return }
    isTriggered = true
    state = .waiting
    checkCount = 0
    triggeredOrder = triggeredOrder ?? order
  }

  /// Begins anew, unless it waits already.
  mutating func retry() {
    state = .waiting
    isTriggered = false
    checkCount = 0
  }

  /// The next check is due at once.
  mutating func hurry(at now: MonotonicTime) { nextCheck = now }

  mutating func fail() {
    state = .failed
    isTriggered = false
    triggeredOrder = nil
  }

  /// A check leaves. `interval` nil: the next one follows after a time that doubles with each.
  mutating func sent(_ transaction: Transaction, interval: Duration?) {
    if state != .succeeded { state = .inProgress }
    triggeredOrder = nil
    transactions[nextTransaction] = transaction
    nextTransaction = (nextTransaction + 1) % Self.transactionCount
    nextCheck =
      transaction.sentAt + (interval ?? min(Self.firstInterval * (1 << min(checkCount, 8)), Self.longestInterval))
    checkCount += 1
  }

  var hasUsedUpChecks: Bool { checkCount >= Self.maximumCheckCount }

  /// The transaction that a response belongs to, which has then had its response.
  mutating func takeTransaction(_ id: STUNMessage.TransactionID) -> Transaction? {
    for index in 0..<Self.transactionCount {
      guard let transaction = transactions[index], transaction.id == id else { continue }
      transactions[index] = nil
      return transaction
    }
    return nil
  }

  /// A valid response came.
  mutating func succeed(_ transaction: Transaction, at now: MonotonicTime, nextCheck: MonotonicTime) {
    state = .succeeded
    isTriggered = false
    triggeredOrder = nil
    checkCount = 0
    lastResponse = now
    roundTripTime = now - transaction.sentAt
    self.nextCheck = nextCheck
  }
}
