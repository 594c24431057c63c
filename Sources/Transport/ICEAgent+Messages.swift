import Base

/// What the peer sends: its checks, and its responses to ours.
extension ICEAgent {
  /// Takes one STUN datagram and writes the response, if it deserves one. Only what proves to know a password counts.
  public mutating func receive(
    _ datagram: RawSpan, over path: ICEPath, at now: MonotonicTime, response: inout MutableRawSpan
  ) -> Answer {
    precondition(response.byteCount >= Self.maximumResponseByteCount, "\(response.byteCount) bytes are too few")
    guard let message = STUNMessage(datagram), message.kind.method == .binding else { return .ignore }
    switch message.kind.messageClass {
    case .request: return receive(request: message, datagram, over: path, at: now, response: &response)
    case .success: return receive(success: message, datagram, over: path, at: now) ? .accepted : .ignore
    case .error: return receive(error: message, datagram, over: path) ? .accepted : .ignore
    case .indication: return .ignore
    }
  }

  private mutating func receive(
    request: STUNMessage, _ datagram: RawSpan, over path: ICEPath, at now: MonotonicTime,
    response: inout MutableRawSpan
  ) -> Answer {
    guard request.hasFingerprint, let username = request.username, isForUs(datagram.extracting(username)),
      request.isAuthentic(datagram, key: localKey), let base = bases.first(where: { $0.id == path.base })
    else { return .ignore }
    if let failure = failure(of: request) {
      return .respond(
        byteCount: STUNResponse.writeFailure(failure, to: request.transactionID, key: localKey, into: &response))
    }
    if base.connectedTo == nil {
      addRemote(Remote(endpoint: path.remote, priority: request.priority ?? 0, isPeerReflexive: true))
    }
    checkBack(over: path, isNominating: request.isNominating)
    return .respond(
      byteCount: STUNResponse.writeSuccess(
        to: request.transactionID, mapped: path.remote, key: localKey, into: &response))
  }

  /// What an authentic request earns instead of success. Settles a conflict of roles (RFC 8445 §7.3.1.1).
  private mutating func failure(of request: STUNMessage) -> STUNResponse.Failure? {
    if let attribute = request.unknownAttribute { return .unknownAttribute(attribute) }
    guard request.priority != nil else { return .badRequest }
    if isControlling, let other = request.iceControlling {
      if tieBreaker >= other { return .roleConflict }
      changeRole()
    } else if !isControlling, let other = request.iceControlled {
      if tieBreaker < other { return .roleConflict }
      changeRole()
    }
    return nil
  }

  /// RFC 8445 §7.3.1.4 and §7.3.1.5: a triggered check, and the peer's nomination.
  private mutating func checkBack(over path: ICEPath, isNominating: Bool) {
    guard let index = pairs.firstIndex(where: { $0.path == path }) else { return }
    if isNominating && !isControlling { pairs[index].isNominatedByPeer = true }
    guard pairs[index].state == .succeeded else {
      triggeredCount &+= 1
      pairs[index].trigger(order: triggeredCount)
      return
    }
    if pairs[index].isNominatedByPeer { followNomination(index) }
  }

  private mutating func receive(
    success: STUNMessage, _ datagram: RawSpan, over path: ICEPath, at now: MonotonicTime
  ) -> Bool {
    // A response from elsewhere than the check went to is not for its pair (RFC 8445 §7.2.5.2.1).
    guard success.hasFingerprint, let index = pairs.firstIndex(where: { $0.path == path }),
      success.isAuthentic(datagram, key: remoteKey),
      let mapped = success.xorMappedAddress, let transaction = pairs[index].takeTransaction(success.transactionID)
    else { return false }
    // The response to an earlier check is no reason to nominate later.
    let isEarly = path == nominee && !transaction.isNominating
    pairs[index].succeed(transaction, at: now, nextCheck: isEarly ? pairs[index].nextCheck : now + consentInterval())
    if path == nominee, transaction.isNominating, transaction.isControlling, isControlling {
      nominee = nil
      nominationStart = nil
      isNominated = true
      select(pairs[index])
    } else if pairs[index].isNominatedByPeer, !isControlling {
      followNomination(index)
    } else {
      follow(index, at: now)
    }
    if path == selected {
      lastConsent = now
      lastResponse = now
      self.mapped = mapped
    }
    return true
  }

  /// Before a nomination the best valid pair is used, and whichever answers once the agreed one is silent.
  private mutating func follow(_ index: Int, at now: MonotonicTime) {
    guard pairs[index].path != selected else { return }
    let current = pairs.first { $0.path == selected && $0.state == .succeeded }
    if isNominated {
      // The controlling side nominates instead.
      if !isControlling, isStale(at: now) { select(pairs[index]) }
    } else if current.map({ !isPreferred($0, to: pairs[index]) || isStale(at: now) }) ?? true {
      select(pairs[index])
    }
  }

  private mutating func followNomination(_ index: Int) {
    pairs[index].isNominatedByPeer = false
    isNominated = true
    select(pairs[index])
  }

  /// 487 (RFC 8445 §7.2.5.1). Other errors count as silence: the peer may not know our credentials yet.
  private mutating func receive(error: STUNMessage, _ datagram: RawSpan, over path: ICEPath) -> Bool {
    guard error.errorCode == 487, error.hasFingerprint, let index = pairs.firstIndex(where: { $0.path == path }),
      error.isAuthentic(datagram, key: remoteKey),
      let transaction = pairs[index].takeTransaction(error.transactionID)
    else { return false }
    if transaction.isControlling == isControlling { changeRole() }
    if pairs[index].state != .succeeded {
      pairs[index].retry()
      triggeredCount &+= 1
      pairs[index].trigger(order: triggeredCount)
    }
    return true
  }

  private mutating func changeRole() {
    isControlling.toggle()
    nominee = nil
    nominationStart = nil
  }

  /// RFC 7675 §5.1: not in step with all the others.
  private mutating func consentInterval() -> Duration {
    Self.consentInterval * Int.random(in: 80...120, using: &random) / 100
  }

  /// USERNAME is our fragment, a colon, the peer's (RFC 8445 §7.2.2).
  private func isForUs(_ username: RawSpan) -> Bool {
    guard let fragment = ICEFragment(username: username), fragment == localFragment else { return false }
    return username.extracting(droppingFirst: 9).withUnsafeBytes { $0.elementsEqual(remoteFragment) }
  }
}
