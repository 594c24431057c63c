import Base
import CSofia
import Telephony

/// Calls that we place, until a target has taken one: look-up, one attempt after the other, CANCEL.
///
///     locating ─▶ calling ─▶ established
///                 │  ▲ └───▶ failed
///                 └──┘ no answer at all within 8 T1, connection refused, 503: the next target, while there is one
extension SIPAgent {
  /// DNS must have answered by then.
  private static let locateTimeout: Duration = .seconds(10)
  /// Four transmissions over UDP; in place of timer B while there are other targets.
  private static let attemptT1s = 8
  /// RFC 3261 §9.1: a cancelled INVITE that is never answered is over after 64 T1.
  private static let cancelT1s = 64

  /// Places a call. Every outcome comes as an event, even one that is known at once: one of `.answered` and `.failed`, and
  /// at the end `.terminated`.
  ///
  /// Each target is sent an INVITE of its own CSeq; one that was given up and answers late is cancelled, or acknowledged
  /// and hung up.
  public func invite(_ invite: OutgoingInvite) -> InviteID {
    let id = nextInviteID()
    guard stack != nil, invite.isSendable, let query = invite.query else {
      failSoon(id, SIPReply(.invalid))
      return id
    }
    let dialog = SIPDialog(
      id: id, callID: invite.callID ?? GUID.make() + GUID.make(), state: .locating, tag: invite.fromTag ?? GUID.make(),
      contact: "", peer: Endpoint(.anyV4, 0), transport: .udp)
    dialog.placing = SIPPlacing(invite)
    insert(dialog)
    dialog.placing?.ringingTimer = invite.ringingTimeout.map { timeout in
      SIPTimer(after: timeout) { [weak self, weak dialog] in if let dialog { self?.ringingTimedOut(dialog) } }
    }
    dialog.timer = SIPTimer(after: Self.locateTimeout) { [weak self, weak dialog] in
      if let dialog, dialog.isLocating { self?.failSoon(dialog, .unresolved) }
    }
    lookup.find(query) { [weak self, weak dialog] records in
      if let dialog, dialog.isLocating { self?.located(dialog, query, records) }
    }
    return id
  }

  private func located(_ dialog: SIPDialog, _ query: ServerQuery, _ records: ServerRecords?) {
    dialog.timer = nil
    var generator = SystemRandomNumberGenerator()
    let targets = query.targets(records ?? ServerRecords(), using: &generator)
    if targets.isEmpty { return failSoon(dialog, query.transport == .tls ? .invalid : .unresolved) }
    dialog.placing?.attempts = targets.compactMap { target in
      let transport: SIPTransport = target.transport == .tcp ? .tcp : .udp
      return listener(towards: target.endpoint, transport).map {
        SIPPlacing.Attempt(target: target.endpoint, transport: transport, listener: $0)
      }
    }
    dialog.placing?.peers = Set(targets.map(\.endpoint.address))
    dialog.state = .calling
    if let failure = tryNext(dialog) { failSoon(dialog, failure) }
  }

  /// Sends the INVITE to the next target that it can be sent to. Why there is none, when there is none.
  func tryNext(_ dialog: SIPDialog) -> SIPLocalFailure? {
    dialog.placing?.attemptTimer?.cancel()
    dialog.placing?.digest?.reset()
    while let placing = dialog.placing, let attempt = placing.attempts.first {
      dialog.placing?.attempts.removeFirst()
      guard prepare(dialog, attempt) else { return .invalid }
      guard dialog.sendInvite(placing.headers, sdp: placing.invite.sdp) else { continue }
      if placing.attempts.count > 1 { limitAttempt(dialog) }
      return nil
    }
    return .unreachable
  }

  /// Makes the stack's half of the dialog, and points it to the target. False when what the INVITE is made of is wrong.
  private func prepare(_ dialog: SIPDialog, _ attempt: SIPPlacing.Attempt) -> Bool {
    guard let stack, let invite = dialog.placing?.invite else { return false }
    let local = announced(attempt.listener)
    dialog.peer = attempt.target
    dialog.transport = attempt.transport
    dialog.contact = contact(local, attempt.transport)
    if dialog.pointer == nil {
      let host = local.address.uriHost
      let from = invite.from.replacing(OutboundCallPlan.localHostPlaceholder, with: host)
      dialog.pointer = csofia_dialog_create(
        stack, dialog.id.rawValue, invite.uri, from.contains("<") ? from : "<\(from)>", dialog.tag,
        invite.to ?? "<\(invite.uri)>", dialog.callID)
    }
    guard let pointer = dialog.pointer else { return false }
    return csofia_dialog_set_path(
      pointer, NextHop.uri(attempt.target, attempt.transport), dialog.contact, attempt.listener.address.description)
  }

  private func limitAttempt(_ dialog: SIPDialog) {
    dialog.placing?.attemptTimer = SIPTimer(after: configuration.t1 * Self.attemptT1s) { [weak self, weak dialog] in
      guard let self, let dialog, dialog.isCalling, let pointer = dialog.pointer,
        csofia_dialog_invite_status(pointer) == 0
      else { return }
      csofia_dialog_abandon(pointer)
      if let failure = self.tryNext(dialog) { self.failSoon(dialog, failure) }
    }
  }

  private func ringingTimedOut(_ dialog: SIPDialog) {
    dialog.placing?.isOverdue = true
    switch dialog.state {
    case .locating: failSoon(dialog, .ringingTimeout)
    case .calling: cancel(dialog, [])
    default: break
    }
  }

  func cancel(_ dialog: SIPDialog, _ headers: [SIPHeader]) {
    dialog.state = .cancelling
    dialog.placing?.stopTimers()
    dialog.sendCancel(headers)
    dialog.timer = SIPTimer(after: configuration.t1 * Self.cancelT1s) { [weak self, weak dialog] in
      if let dialog, dialog.isCancelling { self?.failSoon(dialog, Self.cancellation(dialog)) }
    }
  }

  /// Why a call that we cancelled was not answered.
  static func cancellation(_ dialog: SIPDialog) -> SIPLocalFailure {
    dialog.placing?.isOverdue == true ? .ringingTimeout : .cancelled
  }

  /// The call is over before it began; told in a later turn.
  func failSoon(_ dialog: SIPDialog, _ failure: SIPLocalFailure) {
    let reply = SIPReply(failure)
    forget(dialog)
    failSoon(dialog.id, reply)
  }

  func failSoon(_ id: InviteID, _ reply: SIPReply) {
    tellSoon(.failed(id, reply))
    tellSoon(.terminated(id, .failed(reply.status)))
  }
}

extension SIPReply {
  /// What stands for a response that never came.
  init(_ failure: SIPLocalFailure) {
    let (status, phrase) =
      switch failure {
      case .invalid: (400, "Cannot Make The Request")
      case .unresolved: (502, "No Address")
      case .unreachable: (503, "No Target Can Be Reached")
      case .noResponse: (408, "No Response")
      case .ringingTimeout: (408, "No Answer")
      case .cancelled: (487, "Request Terminated")
      case .pending: (491, "Request Pending")
      case .noCall: (481, "No Such Call")
      }
    self.init(status: status, reasonPhrase: phrase, localFailure: failure)
  }
}
