/// What a call asks of its surroundings, to be done in the order given.
public enum CallAction: Sendable, Hashable {
  /// 180.
  case ring
  /// Bind a port and read the offer; `mediaOpened` or `mediaFailed` follows. Undone by `closeMedia`.
  case openMedia(MediaOptions)
  /// Create the room if need be, join it, dispatch its agents; `roomJoined` or `joinFailed` follows. Undone by
  /// `leaveRoom`, which may come before either.
  case joinRoom(RoomEntry, CallStatus)
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
  /// The recorded sentence of this name, empty for the gateway's own; `promptPlayed` follows, unless it is stopped.
  case playPrompt(CallPrompt, sound: String)
  /// Whoever keys in digits has heard enough.
  case stopPrompt
  /// The recorded sentence of this name; `announcementPlayed` follows.
  case playAnnouncement(String)
  /// Ask the dispatcher again with what the caller keyed in; `dispatched` follows.
  case dispatch(PINEntry)
  /// Final response to the INVITE. At most one, and none after `answer`.
  case refuse(Refusal)
  /// 487 to the INVITE, whose caller has hung up by BYE.
  case refuseTerminated
  /// BYE with a Reason header that holds this text, and further headers. At most one, and only in an answered call.
  case hangUp(reason: String, headers: [CallFacts.Header] = [])
  /// Close the port; `mediaClosed` follows.
  case closeMedia
  case leaveRoom(DisconnectReason = .clientInitiated)
  /// Leave the room, with the phone's sound, and join this one; `roomJoined` or `joinFailed` follows.
  case moveRoom(RoomEntry)
  /// A running timer is never started again before it is cancelled or has fired.
  case startTimer(CallTimer, after: Duration)
  case cancelTimer(CallTimer)
  /// Log what the ringing call waits for.
  case reportWaiting(String)
  /// The last action of every call.
  case writeRecord(CallRecord)

  // Calls that we place.

  /// INVITE with our offer. Undone by `cancelDial` until a final response comes.
  case dial(OutboundCallPlan)
  /// CANCEL; `answered`, `dialFailed` or `terminated` follows.
  case cancelDial
  /// Let the room hear the phone, which hears nothing yet.
  case attachEarlyMedia
  case playDialtone(CallSide)
  /// The side hears the other one again.
  case stopDialtone(CallSide)
  /// At most 32 symbols; `digitsSent` follows.
  case sendDigits(String)
  /// Attributes of the participant, besides those it has.
  case setAttributes([String: String])
  /// What the program that asked for the call is told. Exactly one for each call placed.
  case reportDialled(DialReport)

  // Transfer.

  /// REFER in the call's dialog; `referAnswered` follows.
  case refer(TransferRequest)
  /// What the programs that asked are told.
  case reportTransfer([TransferRequest.ID], TransferResult)
  /// Place this call; `target` follows, at least once.
  case dialTarget(TransferTarget)
  /// End it, whether it rings or talks (its input `targetUnwanted`). `target` may still follow.
  case endTarget(reason: String)
  /// Join the phone of this call with the phone of that one; neither hears a room.
  case joinLegs(callID: String)
  /// Tell the call that is transferred how this one, its target, fares. When that call is gone, `targetUnwanted` must
  /// follow.
  case reportTarget(TransferTargetEvent, callID: String)
  /// Final response to a REFER of the phone.
  case answerRefer(SIPStatus)
  /// NOTIFY about what became of it.
  case notifyReferrer(SIPStatus, isFinal: Bool)
  /// Ask that call for its place in the room (its input `replaced`); `roomJoined` follows once it has handed it over,
  /// `joinFailed` when it is gone.
  case takeOverRoom(callID: String)
  /// The participant in the room is that call's, which gets `roomJoined`; this one has none any more.
  case handOverRoom(toCallID: String)
}

/// Who hears something.
public enum CallSide: String, Sendable, Hashable, CaseIterable {
  case room
  case phone
}

/// How `CreateSIPParticipant` is answered.
public enum DialReport: Hashable, Sendable {
  /// The participant is in the room, and the phone is answered where that was to be waited for.
  case placed
  case failed(CallError)
}

/// What a caller hears who must enter a PIN.
public enum CallPrompt: String, Sendable, Hashable, CaseIterable {
  case enterPIN = "enter_pin"
  case wrongPIN = "wrong_pin"
  case joiningRoom = "room_join"
}
