import LiveKitProtocol

/// What the rest of the gateway may want to know: calls, webhooks, agent dispatch, logs.
public enum RoomEvent: Sendable {
  /// `configuration` has the agents to dispatch.
  case roomStarted(Livekit_Room, Livekit_RoomConfiguration)
  case roomFinished(Livekit_Room, Livekit_DisconnectReason)
  case participantJoined(Livekit_Room, Livekit_ParticipantInfo)
  /// Its transport is connected; at once for a SIP participant.
  case participantActive(Livekit_Room, Livekit_ParticipantInfo)
  case participantLeft(Livekit_Room, Livekit_ParticipantInfo)
  /// Its signalling connection is gone. It comes back, or leaves when `resumeTimeout` has passed.
  case participantDropped(Livekit_Room, Livekit_ParticipantInfo)
  case participantResumed(Livekit_Room, Livekit_ParticipantInfo)
  case trackPublished(Livekit_Room, Livekit_ParticipantInfo, Livekit_TrackInfo)
  case trackUnpublished(Livekit_Room, Livekit_ParticipantInfo, Livekit_TrackInfo)

  /// A SIP participant is out of its room by a decision of the room: removed, replaced, room gone.
  case localRemoved(participantSID: String, Livekit_DisconnectReason)
  /// A SIP participant hears another's track from here on: its first packet arrived, or it is a SIP participant's too.
  /// LiveKit's bridge answers the call then.
  case localHears(participantSID: String, Livekit_ParticipantInfo, Livekit_TrackInfo)
  /// The first packet of a SIP participant's track left for a subscriber.
  case localHeard(participantSID: String, by: Livekit_ParticipantInfo)
  /// `sip_dtmf` and RPC packets for a SIP participant, stamped with their sender.
  case localData(participantSID: String, Livekit_DataPacket)
  /// Name, metadata, attributes or tracks of a SIP participant changed.
  case localChanged(Livekit_ParticipantInfo)
  /// A participant's acknowledgement of or answer to an RPC of the server's (`RoomServerCore.callMethod`).
  case serverAnswered(by: Livekit_ParticipantInfo, Livekit_DataPacket)
  /// An administrator muted or unmuted a SIP participant's track.
  case localMuted(participantSID: String, Bool)
}

/// Why an operation on a room failed, in Twirp's words.
public struct RoomError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    case invalidArgument = "invalid_argument"
    case notFound = "not_found"
    case failedPrecondition = "failed_precondition"
    case resourceExhausted = "resource_exhausted"
  }

  public let code: Code
  public let reason: String

  init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }
}
