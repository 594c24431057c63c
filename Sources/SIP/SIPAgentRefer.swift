import CSofia
import Telephony

/// Transfer: REFER both ways (RFC 3515), and the names of dialogs that Replaces needs (RFC 3891).
extension SIPAgent {
  /// Asks the peer of an established call to call someone else. `.referAnswered` follows in any case, and after a 2xx
  /// `.referNotified`, until one that is final.
  ///
  /// - Parameters:
  ///   - target: value of Refer-To (`ReferTarget.headerValue`).
  ///   - headers: further headers of the REFER, Referred-By among them.
  public func refer(_ id: InviteID, to target: String, headers: [SIPHeader] = []) {
    guard let dialog = dialogs[id.rawValue] else {
      return tellSoon(.referAnswered(id, SIPReply(.noCall), sequenceNumber: 0))
    }
    let request = SIPOpenRequest(
      "REFER", [SIPHeader("Refer-To", target), SIPHeader("Allow", RequestPolicy.allow)] + headers,
      credentials: dialog.placing?.invite.credentials)
    guard dialog.isEstablished, !dialog.openRequests.values.contains(where: { $0.method == "REFER" }),
      let number = dialog.send(request)
    else { return tellSoon(.referAnswered(id, SIPReply(.pending), sequenceNumber: 0)) }
    // A NOTIFY may overtake the 202.
    dialog.transfer.sent(number)
  }

  /// The final response to the REFER of `.referReceived`. Anything below 300 is sent as 202, followed by the NOTIFY
  /// `100 Trying` that RFC 3515 §2.4.4 asks for, and makes us owe `notifyReferrer`.
  public func answerRefer(_ id: InviteID, _ status: SIPStatus) {
    guard let dialog = dialogs[id.rawValue], let pointer = dialog.pointer, dialog.transfer.received != nil else {
      return
    }
    let isAccepted = status.code < 300
    let answer = isAccepted ? SIPStatus(202, "Accepted") : status
    guard answer.phrase.withCString({ csofia_dialog_answer_refer(pointer, Int32(answer.code), $0) }), isAccepted else {
      return dialog.transfer.close()
    }
    dialog.transfer.accept()
    notifyReferrer(id, SIPStatus(100, "Trying"), isFinal: false)
  }

  /// NOTIFY with `SIP/2.0 <status>` about the call that the peer asked for. `isFinal` ends the subscription; until then
  /// further REFERs of the peer get 491. One NOTIFY is open at a time: of statuses that come meanwhile, the last is sent.
  /// Ignored when no REFER is open.
  public func notifyReferrer(_ id: InviteID, _ status: SIPStatus, isFinal: Bool) {
    guard let dialog = dialogs[id.rawValue], let headers = dialog.transfer.notify(status, isFinal: isFinal) else {
      return
    }
    sendNotify(headers, in: dialog)
  }

  /// What a Replaces header must say to the peer of this call so that it gives the call up: its own tag is the to-tag.
  /// Nil while the peer has no tag.
  public func replacesHeader(of id: InviteID) -> ReplacesHeader? {
    guard let dialog = dialogs[id.rawValue], let remoteTag = dialog.remoteTag else { return nil }
    return ReplacesHeader(callID: dialog.callID, toTag: remoteTag, fromTag: dialog.tag)
  }

  /// Where the peer of this call is reached (its Contact), for a Refer-To. Nil before the dialog has one.
  public func remoteTarget(of id: InviteID) -> String? { dialogs[id.rawValue]?.remoteTarget }

  // MARK: - From the stack

  func referAnswered(_ reply: SIPReply, sequenceNumber: UInt32, in dialog: SIPDialog) {
    dialog.transfer.sentREFER = reply.status < 300 ? sequenceNumber : nil
    handler(.referAnswered(dialog.id, reply, sequenceNumber: sequenceNumber))
  }

  /// A NOTIFY: the status to answer.
  func notified(_ dialog: SIPDialog, _ request: SIPRequest) -> Int32 {
    // 481 would make some peers end the call (RFC 5057 §5.1).
    guard dialog.transfer.sentREFER != nil else { return 489 }
    let notification = ReferNotification(
      event: request.headers.first("Event"), subscriptionState: request.headers.first("Subscription-State"),
      body: request.body)
    switch notification {
    case .refused(let status): return Int32(status.code)
    case .status(let status, _, let isFinal):
      if dialog.transfer.isNews(status, isFinal: isFinal) { handler(.referNotified(dialog.id, notification)) }
      return 200
    }
  }

  /// A REFER: the status to answer, 0 when the handler will.
  func referred(_ dialog: SIPDialog, _ request: SIPRequest) -> Int32 {
    guard dialog.isEstablished else { return 481 }
    let values = request.headers.all("Refer-To")
    guard values.count == 1, let target = ReferTarget(SIPAddress.addrSpec(values[0])) else { return 400 }
    guard dialog.transfer.receive(request.sequenceNumber) else { return 491 }
    let referredBy = request.headers.first("Referred-By")
    handler(.referReceived(dialog.id, ReferRequest(target: target, referredBy: referredBy, request: request)))
    return 0
  }

  func notifyAnswered(_ reply: SIPReply, in dialog: SIPDialog) {
    // The peer knows of no subscription any more (RFC 6665 §4.2.2).
    if reply.status == 481 { return dialog.transfer.close() }
    if let headers = dialog.transfer.notifyAnswered() { sendNotify(headers, in: dialog) }
  }

  private func sendNotify(_ headers: [SIPHeader], in dialog: SIPDialog) {
    let request = SIPOpenRequest(
      "NOTIFY", headers, contentType: "message/sipfrag;version=2.0", body: dialog.transfer.fragment,
      credentials: dialog.placing?.invite.credentials)
    _ = dialog.send(request)
  }
}
