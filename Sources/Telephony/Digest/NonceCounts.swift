import Base

/// Which counts of which nonces have been used, in a table of fixed size.
///
/// When the table is full the oldest nonce is forgotten, and from then on no nonce as old as it is taken: forgetting
/// never opens the way for a replay.
struct NonceCounts: Sendable {
  private struct Usage {
    var issued: MonotonicTime
    var highestCount: UInt32
  }

  let limit: Int
  private var usages: [String: Usage] = [:]
  /// Nonces issued at or before this are no longer taken.
  private(set) var forgottenUntil: MonotonicTime?

  init(limit: Int) { self.limit = max(1, limit) }

  var count: Int { usages.count }

  /// Whether a nonce of this age could have been forgotten.
  func mayBeForgotten(issued: MonotonicTime) -> Bool { forgottenUntil.map { issued <= $0 } ?? false }

  /// Marks the count as used. False when it, or a higher one, was used before.
  /// - Parameter count: 1 for the form without counts, so that such a nonce serves once.
  mutating func use(_ nonce: String, issued: MonotonicTime, count: UInt32, expiredBefore: MonotonicTime) -> Bool {
    if let usage = usages[nonce] {
      guard count > usage.highestCount else { return false }
      usages[nonce]?.highestCount = count
      return true
    }
    guard count > 0 else { return false }
    if usages.count >= limit { makeRoom(expiredBefore: expiredBefore) }
    usages[nonce] = Usage(issued: issued, highestCount: count)
    return true
  }

  private mutating func makeRoom(expiredBefore: MonotonicTime) {
    usages = usages.filter { $0.value.issued >= expiredBefore }
    // An eighth at a time, so that a full table is not searched for every call.
    guard usages.count >= max(1, limit - limit / 8) else { return }
    let oldest = usages.values.map(\.issued).sorted()
    let cut = oldest[min(oldest.count - 1, limit / 8)]
    usages = usages.filter { $0.value.issued > cut }
    forgottenUntil = max(forgottenUntil ?? cut, cut)
  }
}
