import Base

/// The checks that we make: connectivity, nomination, consent.
extension ICEAgent {
  /// Writes the check that is due, if any, and says which way it goes. Call it until it returns nil, at least every
  /// 20 ms. `buffer` must hold `maximumCheckByteCount` bytes.
  public mutating func nextCheck(
    at now: MonotonicTime, into buffer: inout MutableRawSpan
  ) -> (byteCount: Int, path: ICEPath)? {
    precondition(buffer.byteCount >= Self.maximumCheckByteCount, "\(buffer.byteCount) bytes are too few")
    giveUpSilentPairs(at: now)
    beginRoundIfNeeded(at: now)
    chooseNominee(at: now)
    guard let index = pairToCheck(at: now) else { return nil }
    let path = pairs[index].path
    let isNominating = isControlling && (path == nominee || isNominated && path == selected)
    let transaction = ICEPair.Transaction(
      id: STUNMessage.TransactionID(high: UInt32(truncatingIfNeeded: random.next()), low: random.next()),
      sentAt: now, isNominating: isNominating, isControlling: isControlling)
    let isConsent = path == selected && path != nominee && pairs[index].state == .succeeded
    pairs[index].sent(transaction, interval: isConsent ? Self.consentRetryInterval : nil)
    return (write(transaction, over: path, into: &buffer), path)
  }

  /// In order: consent of the selected pair, checks that are repeated, then, one each `pace`, what the peer triggered,
  /// the nomination, and what nobody has checked yet.
  private mutating func pairToCheck(at now: MonotonicTime) -> Int? {
    for index in pairs.indices
    where pairs[index].path == selected && pairs[index].state == .succeeded && now >= pairs[index].nextCheck {
      return index
    }
    for index in pairs.indices where pairs[index].isOverdue(at: now) { return index }
    guard now >= nextPaced, let index = pacedPair(at: now) else { return nil }
    nextPaced = now + Self.pace
    return index
  }

  private func pacedPair(at now: MonotonicTime) -> Int? {
    var best: Int?
    for index in pairs.indices {
      guard let order = pairs[index].triggeredOrder else { continue }
      if let known = best, let least = pairs[known].triggeredOrder, least <= order { continue }
      best = index
    }
    if let best { return best }
    for index in pairs.indices
    where pairs[index].path == nominee && pairs[index].state == .succeeded && now >= pairs[index].nextCheck {
      return index
    }
    // Once a pair is agreed the others are left alone (RFC 8445 §8.1.2), until it falls silent.
    guard !isNominated || isStale(at: now) else { return nil }
    return bestPair { $0.state == .waiting }
  }

  /// Of the pairs that `matches`, the one with the highest priority.
  func bestPair(_ matches: (ICEPair) -> Bool) -> Int? {
    var best: Int?
    for index in pairs.indices where matches(pairs[index]) {
      if let known = best, isPreferred(pairs[known], to: pairs[index]) { continue }
      best = index
    }
    return best
  }

  func isPreferred(_ pair: ICEPair, to other: ICEPair) -> Bool {
    pair.priority(isControlling: isControlling) >= other.priority(isControlling: isControlling)
  }

  private mutating func giveUpSilentPairs(at now: MonotonicTime) {
    for index in pairs.indices where pairs[index].isOverdue(at: now) && pairs[index].hasUsedUpChecks {
      pairs[index].fail()
    }
    // A nominee that answered before and does not answer now is none.
    guard let path = nominee, let last = pairs.first(where: { $0.path == path })?.lastResponse else { return }
    if path != selected, now - last >= Self.staleTime { nominee = nil }
  }

  /// Without a path that answers, pairs that failed are tried again: the peer may have come up late, or come back.
  private mutating func beginRoundIfNeeded(at now: MonotonicTime) {
    let isStale = isStale(at: now)
    guard selected == nil || isStale else { return }
    if isStale {
      // An answer from before the silence proves nothing.
      for index in pairs.indices where pairs[index].state == .succeeded && pairs[index].path != selected {
        if let last = pairs[index].lastResponse, now - last >= Self.staleTime { pairs[index].retry() }
      }
    }
    for pair in pairs where pair.state == .waiting || pair.state == .inProgress { return }
    for index in pairs.indices where pairs[index].state == .failed { pairs[index].retry() }
  }

  /// RFC 8445 §8.1.1: the best valid pair, as soon as no better one is still being checked, or after a while.
  private mutating func chooseNominee(at now: MonotonicTime) {
    let isStale = isStale(at: now)
    guard isControlling, nominee == nil, !isNominated || isStale else { return }
    let former = isNominated ? selected : nil
    guard let best = bestPair({ $0.state == .succeeded && $0.path != former }) else {
      nominationStart = nil
      return
    }
    let start = nominationStart ?? now
    nominationStart = start
    let hasRival = pairs.contains {
      ($0.state == .waiting || $0.state == .inProgress) && !isPreferred(pairs[best], to: $0)
    }
    guard !hasRival || now - start >= Self.nominationDelay else { return }
    nominee = pairs[best].path
    pairs[best].hurry(at: now)
  }

  private func write(
    _ transaction: ICEPair.Transaction, over path: ICEPath, into buffer: inout MutableRawSpan
  ) -> Int {
    var writer = STUNWriter(.bindingRequest, transaction.id, in: &buffer)
    writer.add(.username, username, in: &buffer)
    let base = bases.first { $0.id == path.base }
    writer.add(.priority, base?.reflexivePriority ?? 0, in: &buffer)
    writer.add(isControlling ? .iceControlling : .iceControlled, tieBreaker, in: &buffer)
    if transaction.isNominating { writer.add(.useCandidate, [], in: &buffer) }
    writer.finish(key: remoteKey, in: &buffer)
    return writer.byteCount
  }
}
