import Base
import CSofia

/// The server side: what arrives from peers.
extension SIPAgent {
  func admit(
    _ source: Endpoint, _ transport: SIPTransport, _ isInvite: Bool, _ refusal: UnsafeMutablePointer<csofia_refusal>
  ) -> Int32 {
    switch configuration.admit(SIPArrival(source: source, transport: transport, isInvite: isInvite)) {
    case .allow where isInvite && dialogs.count >= configuration.maxInvites:
      return reject(503, "Service Unavailable", retryAfterSeconds: 10, refusal)
    case .allow: return Int32(CSOFIA_ALLOW)
    case .drop:
      counters.droppedRequests += 1
      return Int32(CSOFIA_DROP)
    case .reject(let status, let phrase, let seconds):
      return reject(status, phrase, retryAfterSeconds: seconds ?? 0, refusal)
    }
  }

  private func reject(
    _ status: Int, _ phrase: String, retryAfterSeconds: Int, _ refusal: UnsafeMutablePointer<csofia_refusal>
  ) -> Int32 {
    refusal.pointee.status = Int32(status)
    refusal.pointee.retry_after = Int32(clamping: retryAfterSeconds)
    withUnsafeMutableBytes(of: &refusal.pointee.phrase) { buffer in
      // The last byte stays NUL.
      let bytes = phrase.utf8.prefix(buffer.count - 1).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
      buffer.copyBytes(from: bytes)
    }
    counters.statelessReplies += 1
    return Int32(status)
  }

  /// A request that belongs to no dialog.
  func receive(_ request: OpaquePointer, _ facts: csofia_facts) {
    let policy = RequestPolicy(facts)
    if let refusal = policy.refusalOutsideDialog() {
      refuse(refusal, request, facts)
    } else if policy.method == "OPTIONS" {
      reply(
        SIPResponse(
          200, "OK",
          headers: [
            SIPHeader("Allow", RequestPolicy.allow), SIPHeader("Accept", "application/sdp"),
            SIPHeader("Supported", RequestPolicy.supported),
          ]), to: request, facts)
    } else {
      invite(request, facts, policy)
    }
  }

  /// A hidden agent says nothing.
  private func refuse(_ response: SIPResponse, _ request: OpaquePointer, _ facts: csofia_facts) {
    if configuration.isHidden {
      counters.droppedRequests += 1
    } else {
      reply(response, to: request, facts)
    }
  }

  private func reply(_ response: SIPResponse, to request: OpaquePointer, _ facts: csofia_facts) {
    send(response, tag: nil, to: request, facts.sourceEndpoint, facts.transport)
  }

  func send(
    _ response: SIPResponse, tag: String?, to request: OpaquePointer, _ source: Endpoint, _ transport: SIPTransport
  ) {
    let text = SIPReplyText(request: request) { transport == .tcp || self.configuration.isKnown(source.address) }
    if text.send(response, tag: tag) {
      counters.statelessReplies += 1
    } else {
      counters.droppedRequests += 1
    }
  }

  private func invite(_ request: OpaquePointer, _ facts: csofia_facts, _ policy: RequestPolicy) {
    let branch = facts.viaHops.first?.branch ?? ""
    let key = RefusalMemory.Key(
      callID: String(stack: facts.call_id) ?? "", fromTag: String(stack: facts.from.tag) ?? "",
      sequenceNumber: facts.sequence_number, branch: branch)
    if let earlier = refusals.refusal(key, at: .now) {
      if let response = earlier.response {
        send(response, tag: earlier.tag, to: request, facts.sourceEndpoint, facts.transport)
      }
      return
    }
    var replaced: ReplacedInvite?
    switch replaces(policy.headers) {
    case .ordinary: break
    case .replaces(let other): replaced = other
    case .refused(let status, let phrase): return refuse(SIPResponse(status, phrase), request, facts)
    }
    let source = facts.sourceEndpoint
    let local = announced(Endpoint(stack: facts.local))
    let dialog = SIPDialog(
      id: nextInviteID(), callID: String(stack: facts.call_id) ?? "", state: .arriving(request), tag: GUID.make(),
      contact: contact(local, facts.transport), peer: source, transport: facts.transport)
    dialog.remoteTag = String(stack: facts.from.tag)
    dialog.remoteTarget = String(stack: facts.contact.uri.text)
    dialog.refusalKey = key
    dialog.answerHeaders = RequestPolicy.sessionTimerHeaders(policy.headers)
    insert(dialog)
    handler(.invite(facts.invite(id: dialog.id, local: local, replaces: replaced)))
    if case .arriving(let request) = dialog.state { _ = accept(dialog, request) }
  }

  private func replaces(_ headers: [SIPHeader]) -> ReplacesPolicy {
    ReplacesPolicy.decide(headers.all("Replaces")) { dialogs(callID: $0).map { ReplacesPolicy.Candidate($0) } }
  }

  /// A request inside a dialog: the status to answer, 0 when the handler will.
  func receive(in dialog: SIPDialog, _ facts: csofia_facts) -> Int32 {
    let request = facts.request()
    guard mayTakePart(in: dialog, request.source.address) else { return 403 }
    // A callee may not end a call that it has not answered (RFC 3261 §15), nor use it.
    if dialog.isCalling || dialog.isCancelling { return 481 }
    switch request.method {
    case "INVITE", "UPDATE": return refresh(dialog, facts, request)
    case "BYE":
      if case .ringing = dialog.state { _ = dialog.send(SIPResponse(487, "Request Terminated")) }
      handler(.bye(dialog.id, request))
      finish(dialog, .remoteBye)
      return 200
    case "INFO":
      let type = request.contentType
      guard request.body.isEmpty || type == "application/dtmf-relay" || type == "application/dtmf" else { return 415 }
      handler(.info(dialog.id, request))
      return 200
    case "OPTIONS": return 200
    case "NOTIFY": return notified(dialog, request)
    case "REFER": return referred(dialog, request)
    default: return 405
    }
  }

  private func refresh(_ dialog: SIPDialog, _ facts: csofia_facts, _ request: SIPRequest) -> Int32 {
    let isDeferred = request.method == "INVITE" || !request.body.isEmpty
    dialog.answerHeaders = RequestPolicy.sessionTimerHeaders(request.headers)
    if let refusal = RequestPolicy(facts).refusalOfContent() {
      guard isDeferred else { return Int32(refusal.status) }
      _ = dialog.send(refusal)
      return 0
    }
    guard isDeferred else { return 200 }
    guard case .established = dialog.state else {
      _ = dialog.send(SIPResponse(500, "Server Internal Error", headers: [SIPHeader("Retry-After", "2")]))
      return 0
    }
    if facts.has_contact { dialog.remoteTarget = String(stack: facts.contact.uri.text) }
    dialog.chooseNextHop()
    handler(.reinvite(dialog.id, request))
    return 0
  }

  /// The ACK of our final response, or none in time.
  func acknowledged(_ dialog: SIPDialog, status: Int, _ facts: csofia_facts?) {
    guard (200..<300).contains(status) else { return }
    guard let facts else {
      // The BYE is repeated by the stack; nothing waits for its answer.
      _ = dialog.sendBye([SIPHeader("Reason", "SIP;cause=408;text=\"no ACK\"")])
      finish(dialog, .noACK)
      return
    }
    if case .answered = dialog.state { dialog.state = .established }
    handler(.acknowledged(dialog.id, sdp: facts.mediaType == "application/sdp" ? facts.bodyBytes : []))
    if let headers = dialog.pendingBye, case .established = dialog.state {
      dialog.pendingBye = nil
      bye(dialog, headers)
    }
  }

  func cancelled(_ dialog: SIPDialog, _ facts: csofia_facts) {
    handler(.cancelled(dialog.id, facts.request()))
    finish(dialog, .cancelled)
  }
}
