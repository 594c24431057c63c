import Base
import CSofia
import Telephony

/// The client side: answers to our requests.
extension SIPAgent {
  func receive(replyTo method: String, in dialog: SIPDialog, _ facts: csofia_facts, isLocal: Bool) {
    var reply = facts.reply(localFailure: nil)
    if isLocal { reply = SIPReply(reply.status == 408 ? .noResponse : .unreachable) }
    guard method == "INVITE" else { return receive(reply, in: dialog, facts) }
    switch reply.status {
    case ..<200:
      if dialog.isCalling, !reply.toTag.isEmpty { dialog.remoteTag = reply.toTag }
      if dialog.placing?.isNews(reply) ?? true { handler(.progress(dialog.id, reply)) }
    case 200..<300: answered(reply, in: dialog, facts)
    default: refused(reply, in: dialog, facts)
    }
  }

  private func answered(_ reply: SIPReply, in dialog: SIPDialog, _ facts: csofia_facts) {
    guard let pointer = dialog.pointer else { return }
    // The answer to a re-INVITE that our BYE has overtaken.
    guard dialog.isCalling || dialog.isCancelling || dialog.isEstablished else {
      _ = csofia_dialog_acknowledge(pointer, facts.sequence_number)
      return
    }
    dialog.peer = facts.sourceEndpoint
    dialog.remoteTag = reply.toTag
    if facts.has_contact { dialog.remoteTarget = String(stack: facts.contact.uri.text) }
    let hosts = [facts.contact.uri.host, csofia_dialog_next_hop_host(pointer, nil)].compactMap { String(stack: $0) }
    dialog.placing?.peers.formUnion(hosts.compactMap { IPAddress(uriHost: $0) } + [dialog.peer.address])
    dialog.chooseNextHop()
    _ = csofia_dialog_acknowledge(pointer, facts.sequence_number)
    let wasCancelled = dialog.isCancelling
    dialog.state = .established
    dialog.stopTimers()
    if wasCancelled {
      handler(.failed(dialog.id, SIPReply(Self.cancellation(dialog))))
      return bye(dialog, [])
    }
    var reply = reply
    if facts.mediaType != "application/sdp" { reply.body = [] }
    handler(.answered(dialog.id, reply))
  }

  private func refused(_ reply: SIPReply, in dialog: SIPDialog, _ facts: csofia_facts) {
    if dialog.isCalling || dialog.isEstablished, retry(reply, in: dialog, facts) { return }
    switch dialog.state {
    case .calling:
      dialog.placing?.attemptTimer?.cancel()
      let hasOthers = dialog.placing?.attempts.isEmpty == false
      if hasOthers, reply.isLocal || reply.status == 503, tryNext(dialog) == nil { return }
      handler(.failed(dialog.id, reply))
      finish(dialog, .failed(reply.status))
    case .cancelling:
      let isOverdue = dialog.placing?.isOverdue == true
      let reply = isOverdue ? SIPReply(.ringingTimeout) : reply
      handler(.failed(dialog.id, reply))
      finish(dialog, .failed(reply.status))
    default:
      handler(.failed(dialog.id, reply))
      // RFC 3261 §14.1: these end the call that the re-INVITE was sent in.
      if dialog.isEstablished, reply.status == 481 || reply.status == 408 { bye(dialog, []) }
    }
  }

  /// Sends an INVITE again that was challenged. False when it was not, or nothing can be answered.
  private func retry(_ reply: SIPReply, in dialog: SIPDialog, _ facts: csofia_facts) -> Bool {
    guard let uri = String(stack: facts.request_uri.text), var placing = dialog.placing,
      let credentials = Self.answer(reply, &placing.digest, method: "INVITE", uri: uri)
    else { return false }
    dialog.placing = placing
    return dialog.sendInvite((dialog.isCalling ? placing.headers : []) + credentials, sdp: dialog.lastSDP)
  }

  /// The credentials that a challenge asks for; nil when the reply is none, or cannot be answered.
  private static func answer(
    _ reply: SIPReply, _ digest: inout DigestClient?, method: String, uri: String
  ) -> [SIPHeader]? {
    guard reply.status == 401 || reply.status == 407, digest != nil else { return nil }
    let isProxy = reply.status == 407
    let challenges = reply.headers.all(isProxy ? "Proxy-Authenticate" : "WWW-Authenticate")
    let headers = digest?.answer(challenges, isProxy: isProxy, method: method, uri: uri, clientNonce: GUID.make())
    return headers?.map { SIPHeader($0.name, $0.value) }
  }

  // MARK: - Requests inside a dialog

  private func receive(_ reply: SIPReply, in dialog: SIPDialog, _ facts: csofia_facts) {
    guard reply.status >= 200, var request = dialog.openRequests.removeValue(forKey: facts.sequence_number) else {
      return
    }
    if let uri = String(stack: facts.request_uri.text),
      let credentials = Self.answer(reply, &request.digest, method: request.method, uri: uri),
      dialog.send(request, adding: credentials) != nil
    {
      return
    }
    switch request.method {
    case "BYE": finish(dialog, .localBye)
    case "REFER": referAnswered(reply, sequenceNumber: facts.sequence_number, in: dialog)
    case "NOTIFY": notifyAnswered(reply, in: dialog)
    default: break
    }
  }
}
