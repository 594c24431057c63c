import LiveKitProtocol

/// Something that happened to workers or in rooms.
public enum AgentInput: Sendable {
  /// A WebSocket is open and its token has the `agent` grant.
  case connected(WorkerID)
  case message(WorkerID, Livekit_WorkerMessage)
  /// The WebSocket is gone, by whichever side.
  case disconnected(WorkerID)
  /// The answer to `AgentAction.mint`. Nil: it could not be signed.
  case minted(AgentTokenRequest, token: String?)

  case roomStarted(Livekit_Room, agents: [Livekit_RoomAgentDispatch])
  case roomFinished(name: String)
  case participantJoined(Livekit_Room, Livekit_ParticipantInfo)
  /// The signalling connection of a participant is gone; it may come back.
  case participantDropped(room: String, identity: String)
  case participantResumed(room: String, identity: String)
  case participantLeft(Livekit_Room, Livekit_ParticipantInfo)
  case trackPublished(Livekit_Room, Livekit_ParticipantInfo)

  /// Time has passed. Wanted four times a second.
  case tick
}
