import API
import LiveKitProtocol
import RoomClientCore

/// `RoomService` and `AgentDispatchService` of a gateway whose rooms are on another server: that server has them.
struct RoomsElsewhere: RoomAdministration, AgentDispatching {
  let url: RoomServerURL

  private var refusal: TwirpError {
    TwirpError(.unimplemented, "the rooms and agents are those of \(url): ask that server (\(url.httpURL))")
  }

  func createRoom(_ request: Livekit_CreateRoomRequest) throws(TwirpError) -> Advised<Livekit_Room> { throw refusal }
  func listRooms() throws(TwirpError) -> [Livekit_Room] { throw refusal }
  func deleteRoom(_ room: String) throws(TwirpError) { throw refusal }
  func participants(of room: String) throws(TwirpError) -> [Livekit_ParticipantInfo] { throw refusal }
  func participant(_ identity: String, of room: String) throws(TwirpError) -> Livekit_ParticipantInfo { throw refusal }
  /// The server will tell.
  func checkPlace(for identity: String, in room: String) {}
  func removeParticipant(_ identity: String, of room: String) throws(TwirpError) { throw refusal }
  func muteTrack(_ request: Livekit_MuteRoomTrackRequest) throws(TwirpError) -> Livekit_TrackInfo { throw refusal }
  func updateParticipant(
    _ request: Livekit_UpdateParticipantRequest
  ) throws(TwirpError) -> Livekit_ParticipantInfo { throw refusal }
  func updateSubscriptions(_ request: Livekit_UpdateSubscriptionsRequest) throws(TwirpError) { throw refusal }
  func sendData(_ request: Livekit_SendDataRequest) throws(TwirpError) { throw refusal }
  func updateRoomMetadata(_ request: Livekit_UpdateRoomMetadataRequest) throws(TwirpError) -> Livekit_Room {
    throw refusal
  }
  func performRPC(_ request: Livekit_PerformRpcRequest) throws(TwirpError) -> String { throw refusal }

  func createDispatch(
    _ request: Livekit_CreateAgentDispatchRequest
  ) throws(TwirpError) -> Livekit_AgentDispatch { throw refusal }
  func listDispatch(
    _ request: Livekit_ListAgentDispatchRequest
  ) throws(TwirpError) -> Livekit_ListAgentDispatchResponse { throw refusal }
  func deleteDispatch(
    _ request: Livekit_DeleteAgentDispatchRequest
  ) throws(TwirpError) -> Livekit_AgentDispatch { throw refusal }
}
