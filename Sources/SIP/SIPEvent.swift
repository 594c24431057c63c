import Telephony

/// What the agent tells its handler, always on the SIP thread.
///
/// Every id that was announced by `.invite` or returned by `SIPAgent.invite` ends in exactly one `.terminated`, except
/// an invite that the handler refused inside its `.invite` call (see `SIPAgent.respond`).
public enum SIPEvent: Sendable {
  /// A new call. Answer with `respond`, or `drop`; the agent sends 100 as soon as the handler returns.
  case invite(IncomingInvite)
  /// A re-INVITE of an established call; `sdp` is empty when the peer wants our offer. Must be answered.
  case reinvite(InviteID, SIPRequest)
  /// The ACK of our 2xx; `sdp` holds the answer when the offer was ours. Again for each re-INVITE.
  case acknowledged(InviteID, sdp: [UInt8])
  /// The caller gave up; 487 has been sent. `.terminated` follows.
  case cancelled(InviteID, SIPRequest)
  /// The peer hung up; 200 has been sent. `.terminated` follows.
  case bye(InviteID, SIPRequest)
  /// An INFO inside a call; 200 has been sent.
  case info(InviteID, SIPRequest)
  /// The dialog and its transactions are gone; the id will not be heard of again.
  case terminated(InviteID, SIPTermination)
  /// A provisional response to our INVITE, told when its status, To-tag or body is new. A body is early media's SDP.
  case progress(InviteID, SIPReply)
  /// A 2xx to our INVITE or re-INVITE; the ACK has been sent. The body is the SDP answer; empty when there is none, or
  /// when what came is no SDP: the handler hangs up. The first 2xx wins; those of other forks are acknowledged and hung
  /// up unheard.
  case answered(InviteID, SIPReply)
  /// A final refusal of our INVITE (`.terminated` follows) or re-INVITE (the call goes on). 3xx is one too.
  case failed(InviteID, SIPReply)
  /// The final response to our REFER, or what stands for one; `sequenceNumber` is the REFER's CSeq.
  case referAnswered(InviteID, SIPReply, sequenceNumber: UInt32)
  /// A NOTIFY about a REFER of ours; it has been answered. Comes at most once for each status.
  case referNotified(InviteID, ReferNotification)
  /// The peer asks us to call someone else. Must be answered, with `answerRefer`.
  case referReceived(InviteID, ReferRequest)
}

/// Why a dialog ended.
public enum SIPTermination: Hashable, Sendable {
  /// The peer's BYE.
  case remoteBye
  /// Our BYE was answered, or its transaction gave up.
  case localBye
  /// The caller's CANCEL.
  case cancelled
  /// We refused with this final status.
  case refused(Int)
  /// The peer refused our INVITE with this final status.
  case failed(Int)
  /// No ACK came for our 2xx within timer H, 32 s (RFC 3261 §13.3.1.4); a BYE has been sent.
  case noACK
  /// The invite was dropped without an answer.
  case dropped
  /// The agent was closed.
  case closed
}
