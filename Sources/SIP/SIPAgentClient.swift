import Base
import CSofia
import Telephony

/// The client side: calls that we place, answers to our requests.
extension SIPAgent {
  /// RFC 3261 §9.1: a cancelled INVITE that is never answered is over after 64 T1.
  private static let cancelTimeout: Duration = .seconds(32)
  /// Challenges answered per request: a proxy's and the far end's, each perhaps once more for a stale nonce.
  private static let maxAuthorizations = 4

  /// Places a call. Every outcome comes as an event, even one that is known at once.
  ///
  public func invite(_ invite: OutgoingInvite) -> InviteID {
    let id = nextInviteID()
    guard let target = Self.target(invite), let pointer = stack,
      let listener = listener(towards: target.endpoint, target.transport)
    else {
      failSoon(id, SIPReply(status: 503, reasonPhrase: "No Address To Send To", localFailure: .unreachable))
      return id
    }
    let local = announced(listener)
    let dialog = SIPDialog(
      id: id, state: .calling, tag: "", contact: contact(local, target.transport), peer: target.endpoint,
      transport: target.transport)
    dialog.outgoing = invite
    dialogs[id.rawValue] = dialog
    let from = invite.from.contains("<") ? invite.from : "<\(invite.from)>"
    let to = invite.to ?? "<\(invite.uri)>"
    let nextHop = NextHop.uri(target.endpoint, target.transport)
    let callID = GUID.make() + GUID.make() + "@" + local.address.uriHost
    dialog.pointer = csofia_dialog_create(
      pointer, id.rawValue, invite.uri, from, to, nextHop, dialog.contact, callID,
      listener.address.description)
    if dialog.pointer == nil || !dialog.sendInvite(invite.headers, sdp: invite.sdp) {
      forget(dialog)
      failSoon(id, SIPReply(status: 400, reasonPhrase: "Cannot Make The Request", localFailure: .invalid))
    }
    return id
  }

  func cancel(_ dialog: SIPDialog, _ headers: [SIPHeader]) {
    dialog.state = .cancelling
    dialog.sendCancel(headers)
    dialog.timer = SIPTimer(after: Self.cancelTimeout) { [weak self, weak dialog] in
      guard let self, let dialog, case .cancelling = dialog.state else { return }
      self.handler(
        .failed(dialog.id, SIPReply(status: 487, reasonPhrase: "Request Terminated", localFailure: .cancelled)))
      self.finish(dialog, .failed(487))
    }
  }

  func receive(replyTo method: String, in dialog: SIPDialog, _ facts: csofia_facts, isLocal: Bool) {
    let reply = facts.reply(localFailure: isLocal ? .unreachable : nil)
    switch method {
    case "INVITE": receiveInviteReply(reply, in: dialog, facts)
    case "BYE":
      guard reply.status >= 200 else { return }
      if isChallenge(reply), let header = authorization(for: reply, method: "BYE", in: dialog), dialog.sendBye([header])
      {
        return
      }
      finish(dialog, .localBye)
    default: break
    }
  }

  private func receiveInviteReply(_ reply: SIPReply, in dialog: SIPDialog, _ facts: csofia_facts) {
    switch reply.status {
    case ..<200:
      handler(.progress(dialog.id, reply))
    case 200..<300:
      answered(reply, in: dialog, facts)
    default:
      if isChallenge(reply), case .calling = dialog.state, retry(reply, in: dialog) { return }
      if isChallenge(reply), case .established = dialog.state, retry(reply, in: dialog) { return }
      handler(.failed(dialog.id, reply))
      switch dialog.state {
      case .calling, .cancelling: finish(dialog, .failed(reply.status))
      // RFC 3261 §14.1: these end the call that the re-INVITE was sent in.
      case .established where reply.status == 481 || reply.status == 408: bye(dialog, [])
      default: break
      }
    }
  }

  private func answered(_ reply: SIPReply, in dialog: SIPDialog, _ facts: csofia_facts) {
    guard let pointer = dialog.pointer else { return }
    if !reply.isLocal { dialog.peer = facts.sourceEndpoint }
    dialog.chooseNextHop()
    _ = csofia_dialog_acknowledge(pointer, facts.sequence_number)
    let wasCancelled = if case .cancelling = dialog.state { true } else { false }
    dialog.state = .established
    dialog.timer = nil
    dialog.authorizations = 0
    if wasCancelled { return bye(dialog, []) }
    handler(.answered(dialog.id, reply))
  }

  private func isChallenge(_ reply: SIPReply) -> Bool { reply.status == 401 || reply.status == 407 }

  private func retry(_ reply: SIPReply, in dialog: SIPDialog) -> Bool {
    guard let invite = dialog.outgoing, let header = authorization(for: reply, method: "INVITE", in: dialog) else {
      return false
    }
    return dialog.sendInvite(invite.headers + [header], sdp: dialog.lastSDP ?? invite.sdp)
  }

  /// The credentials header for a challenge; nil without a password or after too many tries.
  private func authorization(for reply: SIPReply, method: String, in dialog: SIPDialog) -> SIPHeader? {
    guard let invite = dialog.outgoing, let credentials = invite.credentials,
      dialog.authorizations < Self.maxAuthorizations
    else { return nil }
    dialog.authorizations += 1
    let isProxy = reply.status == 407
    let challenges = reply.headers.all(isProxy ? "Proxy-Authenticate" : "WWW-Authenticate")
    guard let value = DigestClient.authorization(challenges, method: method, uri: invite.uri, credentials) else {
      return nil
    }
    return SIPHeader(isProxy ? "Proxy-Authorization" : "Authorization", value)
  }

  private func failSoon(_ id: InviteID, _ reply: SIPReply) {
    tellSoon(.failed(id, reply))
    tellSoon(.terminated(id, .failed(reply.status)))
  }

  /// Where a call with an address literal leads.
  private static func target(_ invite: OutgoingInvite) -> (endpoint: Endpoint, transport: SIPTransport)? {
    let uri = SIPURI(text: invite.uri)
    let named = invite.target ?? uri.map { SIPHostPort(host: $0.host, port: $0.port) }
    guard let named, let address = IPAddress(uriHost: named.host) else { return nil }
    let isTCP =
      invite.transport == .tcp
      || uri?.parameters.lowercased().split(separator: ";").contains("transport=tcp") ?? false
    return (Endpoint(address, named.port ?? 5060), isTCP ? .tcp : .udp)
  }
}

extension SIPURI {
  /// Parses `sip:user@host:port;parameters` as a person writes it. Nil without a host.
  public init?(text: String) {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let scheme = text[..<colon].lowercased()
    guard scheme == "sip" || scheme == "sips" else { return nil }
    let rest = text[text.index(after: colon)...]
    let hostStart = rest.lastIndex(of: "@").map { rest.index(after: $0) } ?? rest.startIndex
    let user = hostStart == rest.startIndex ? "" : String(rest[..<rest.index(before: hostStart)])
    let hostEnd = rest[hostStart...].firstIndex { $0 == ";" || $0 == "?" } ?? rest.endIndex
    let parameters = rest[hostEnd...].prefix { $0 != "?" }.dropFirst()
    guard let (host, port) = Self.hostAndPort(rest[hostStart..<hostEnd]) else { return nil }
    self.init(
      scheme: scheme, user: Self.unescaped(user), host: host, port: port, parameters: String(parameters),
      description: text)
  }

  private static func hostAndPort(_ text: Substring) -> (String, UInt16?)? {
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      guard !rest.isEmpty else { return (host, nil) }
      guard rest.first == ":", let port = UInt16(rest.dropFirst()) else { return nil }
      return (host, port)
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = parts.first, !host.isEmpty else { return nil }
    if parts.count == 1 { return (String(host), nil) }
    guard let port = UInt16(parts[1]) else { return nil }
    return (String(host), port)
  }
}
