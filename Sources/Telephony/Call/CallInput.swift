/// Everything that can happen to a call.
public enum CallInput: Sendable, Hashable {
  /// The dispatcher's decision, about the INVITE or about a PIN (`CallAction.dispatch`).
  case dispatched(DispatchOutcome)
  /// A port is bound and the offer read; the answer, or our own offer, is ready.
  case mediaOpened
  /// Opening the media failed, or what the ACK of a delayed offer carries cannot be used, or the media died.
  case mediaFailed(MediaFault)
  /// The caller is in the room.
  case roomJoined(RoomOccupancy)
  case joinFailed(JoinFault)
  /// Someone joined, left, published or unpublished; what is there now.
  case roomChanged(RoomOccupancy)
  /// The room's agents: the one that is waited for. Nil: it is there, or none is expected.
  case agentAwaited(AwaitedAgent?)
  /// The whole of `CallAction.playPrompt` was played, or there is nothing to play.
  case promptPlayed
  /// The whole of `CallAction.playAnnouncement` was played.
  case announcementPlayed
  case acknowledged(hasSDP: Bool)
  /// CANCEL. The SIP stack has answered it, and the INVITE with 487 unless a final response was out already.
  case cancelled
  /// BYE, with the text of its Reason header (RFC 3326). The SIP stack has answered it.
  case bye(reason: String?)
  case reinvited
  /// `CallAction.renegotiate` succeeded.
  case renegotiated(isOnHold: Bool)
  case renegotiationFailed(MediaFault)
  /// The SIP stack knows the call no more.
  case terminated(String)
  /// A response or request of ours could not be sent.
  case transportFailed(String)
  /// The first RTP packet of the phone.
  case phoneMediaStarted
  case phoneMediaTimedOut
  case digit(Character)
  case participantRemoved
  case roomDeleted
  /// The server that has the room could not be reached for too long; what happened last, for people.
  case roomLost(String)
  /// That server has put the caller into another room.
  case roomMoved(String)
  /// A program asked for the end (`lk.sip.EndCall`), with headers for the BYE.
  case endRequested(headers: [CallFacts.Header] = [])
  /// A program asked for another room (`MoveParticipant`).
  case moveRequested(RoomEntry)
  /// The process stops now.
  case shutdown
  case timerFired(CallTimer)
  /// The media port is closed; what came and went through it.
  case mediaClosed(CallMedia)

  // Calls that we place.

  /// A provisional response other than 100.
  case progress(OutboundResponse)
  /// A 2xx to our INVITE; the SIP stack has acknowledged it.
  case answered(OutboundResponse)
  /// A final refusal, or none: the INVITE could not be sent, or nothing came back.
  case dialFailed(DialFailure)
  /// `CallAction.applyAnswer` succeeded.
  case answerApplied(isOnHold: Bool)
  /// All digits of `CallAction.sendDigits` are sent.
  case digitsSent

  // Transfer.

  case transferRequested(TransferRequest)
  /// The final response to our REFER, whose CSeq number is `sequence`.
  case referAnswered(SIPStatus, sequence: UInt32)
  /// NOTIFY; the SIP stack has answered it.
  case referNotified(ReferNotification)
  /// The call of `CallAction.dialTarget`.
  case target(TransferTargetEvent)
  /// The call is such a target, and the transfer that it was placed for is over: why, in a sentence.
  case targetUnwanted(String)
  /// The phone asks us to call someone else (REFER in the call's dialog). Must be answered.
  case referReceived(ReferTarget)
  /// The call takes the place of another in its room: an INVITE with Replaces was let in.
  case takesOver(Takeover)
  /// Another call takes this one's place in its room.
  case replaced(byCallID: String)
}

/// A call that takes the place of another one: the other's room, and its participant.
public struct Takeover: Hashable, Sendable {
  /// The call that gives its place up.
  public var callID: String
  public var dispatch: Dispatch

  public init(callID: String, dispatch: Dispatch) {
    self.callID = callID
    self.dispatch = dispatch
  }
}

/// Timers a call may run, each at most once at a time.
public enum CallTimer: String, Sendable, Hashable, CaseIterable {
  /// Until the next 180.
  case ringing
  /// Until the phone has rung too long, or the PIN has taken too long.
  case ringingTimeout
  /// Until the next sentence about what the call waits for.
  case waitReport
  case maxDuration
  /// Until the ACK is given up (64 × T1, RFC 3261 §13.3.1.4).
  case acknowledgement
  /// Until the call counts as active although the phone sends nothing.
  case firstMedia
  /// Until a caller who is alone is hung up on.
  case alone
  /// Until a last prompt has been heard.
  case prompt
  /// Until a ringing call has been without its agent for too long.
  case noAgent
  /// Until the record is written without the media's totals, or the final response to a cancelled INVITE.
  case closing
  /// Until the call counts as active although its digits are not reported sent.
  case automation
  /// Until a transfer has taken too long.
  case transfer
  /// Until we send BYE because the phone, transferred, sends none.
  case transferred
}

/// Who is in the room besides the caller.
public struct RoomOccupancy: Hashable, Sendable {
  /// Everyone.
  public var participants: Int
  /// Those of kind SIP among them.
  public var phones: Int
  /// Audio tracks that the caller hears.
  public var subscribedTracks: Int

  public init(participants: Int = 0, phones: Int = 0, subscribedTracks: Int = 0) {
    self.participants = participants
    self.phones = phones
    self.subscribedTracks = subscribedTracks
  }
}

/// Why there is no media. The text says what was wrong, for people.
public enum MediaFault: Hashable, Sendable, Error {
  case sdpError(String)
  case noCommonCodec(String)
  case noCommonCrypto(String)
  /// No port, no memory, a closed loop: not the caller's doing.
  case failed(String)

  public var text: String {
    switch self {
    case .sdpError(let text), .noCommonCodec(let text), .noCommonCrypto(let text), .failed(let text): text
    }
  }

  public var refusal: Refusal {
    switch self {
    case .sdpError(let text): Refusal(.sdpError, sentence: RefusalReason.sdpError.sentence + ": " + text)
    case .noCommonCodec(let text):
      // Warning code 305, incompatible media format (RFC 3261 §20.43).
      Refusal(.noCommonCodec, sentence: RefusalReason.noCommonCodec.sentence + ": " + text, warning: text)
    case .noCommonCrypto(let text):
      Refusal(.noCommonCrypto, sentence: RefusalReason.noCommonCrypto.sentence + ": " + text, warning: text)
    case .failed(let text): Refusal(.mediaFailed, sentence: RefusalReason.mediaFailed.sentence + ": " + text)
    }
  }
}

/// Why the caller is not in the room.
public enum JoinFault: Hashable, Sendable, Error {
  case roomFull
  case failed(String)
  /// The server that has the room did not answer, or has no time.
  case unavailable(String)

  var text: String {
    switch self {
    case .roomFull: "the room is full"
    case .failed(let text), .unavailable(let text): text
    }
  }

  var refusal: Refusal {
    switch self {
    case .roomFull: Refusal(.roomFull)
    case .failed(let text): Refusal(.joinFailed, sentence: RefusalReason.joinFailed.sentence + ": " + text)
    case .unavailable(let text):
      Refusal(.roomsUnavailable, sentence: RefusalReason.roomsUnavailable.sentence + ": " + text)
    }
  }
}
