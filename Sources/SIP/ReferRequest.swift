import Telephony

/// A REFER of the peer inside a call (RFC 3515): it asks us to call someone else. Answer with `SIPAgent.answerRefer`.
public struct ReferRequest: Sendable {
  /// Refer-To, with the Replaces that its URI may carry.
  public var target: ReferTarget
  /// Referred-By (RFC 3892), as received.
  public var referredBy: String?
  public var request: SIPRequest

  public init(target: ReferTarget, referredBy: String?, request: SIPRequest) {
    self.target = target
    self.referredBy = referredBy
    self.request = request
  }
}

/// The call of ours whose place an INVITE asks to take (RFC 3891). The handler decides whether it may, answers the
/// INVITE and hangs up the other call.
public struct ReplacedInvite: Hashable, Sendable {
  public var id: InviteID
  /// False for a call of ours that rings: it is to be cancelled.
  public var isEstablished: Bool

  public init(id: InviteID, isEstablished: Bool) {
    self.id = id
    self.isEstablished = isEstablished
  }
}
