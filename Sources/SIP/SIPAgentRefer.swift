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
    tellSoon(
      .referAnswered(
        id, SIPReply(status: 491, reasonPhrase: "Request Pending", localFailure: .pending), sequenceNumber: 0))
  }

  /// The final response to the REFER of `.referReceived`. A 2xx is sent as 202 and makes us owe `notifyReferrer`.
  public func answerRefer(_ id: InviteID, _ status: SIPStatus) {}

  /// NOTIFY with `SIP/2.0 <status>` about the call that the peer asked for. `isFinal` ends the subscription; until then
  /// further REFERs of the peer get 491. Ignored when none is open.
  public func notifyReferrer(_ id: InviteID, _ status: SIPStatus, isFinal: Bool) {}

  /// What a Replaces header must say to the peer of this call so that it gives the call up: its own tag is the to-tag.
  /// Nil while the peer has no tag.
  public func replacesHeader(of id: InviteID) -> ReplacesHeader? { nil }

  /// Where the peer of this call is reached (its Contact), for a Refer-To. Nil before the dialog has one.
  public func remoteTarget(of id: InviteID) -> String? { nil }
}
