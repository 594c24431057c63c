/// What a call asks of its surroundings, to be done in the order given.
public enum CallAction: Sendable, Hashable {
  /// 180.
  case ring
  /// Bind a port and read the offer; `mediaOpened` or `mediaFailed` follows. Undone by `closeMedia`.
  case openMedia(MediaOptions)
  /// Create the room if need be, join it, dispatch its agents; `roomJoined` or `joinFailed` follows. Undone by
  /// `leaveRoom`, which may come before either.
  case joinRoom(Dispatch, CallStatus)
  /// 200 with our SDP and the headers of the trunk.
  case answer
  /// Carry sound between phone and room.
  case attachMedia
  /// Set `sip.callStatus` of the caller.
  case setCallStatus(CallStatus)
  /// Read the answer that the ACK carries; only `mediaFailed` follows.
  case applyAnswer
  /// Read the offer of a re-INVITE, or make ours; `renegotiated` or `renegotiationFailed` follows.
  case renegotiate
  /// 200 to the re-INVITE.
  case answerReinvite
  case refuseReinvite(SIPStatus, retryAfterSeconds: Int?)
  case playPrompt(CallPrompt)
  /// Ask the dispatcher again with what the caller keyed in; `dispatched` follows.
  case dispatch(PINEntry)
  /// Final response to the INVITE. At most one, and none after `answer`.
  case refuse(Refusal)
  /// 487 to the INVITE, whose caller has hung up by BYE.
  case refuseTerminated
  /// BYE with a Reason header that holds this text. At most one, and only after `answer`.
  case hangUp(reason: String)
  /// Close the port; `mediaClosed` follows.
  case closeMedia
  case leaveRoom
  /// A running timer is never started again before it is cancelled or has fired.
  case startTimer(CallTimer, after: Duration)
  case cancelTimer(CallTimer)
  /// Log what the ringing call waits for.
  case reportWaiting(String)
  /// The last action of every call.
  case writeRecord(CallRecord)
}

/// What a caller hears who must enter a PIN.
public enum CallPrompt: String, Sendable, Hashable, CaseIterable {
  case enterPIN = "enter_pin"
  case wrongPIN = "wrong_pin"
  case joiningRoom = "room_join"
}
