import LiveKitProtocol

/// What `livekit.RoomService` asks of the room server. Grants are checked by the API.
public protocol RoomAdministration: Sendable {
  /// Makes the room; one that exists takes over the timeouts, `max_participants` and metadata that are set.
  func createRoom(_ request: Livekit_CreateRoomRequest) async throws(TwirpError) -> Advised<Livekit_Room>
  /// In the order of their names.
  func listRooms() async throws(TwirpError) -> [Livekit_Room]
  func deleteRoom(_ room: String) async throws(TwirpError)
  func participants(of room: String) async throws(TwirpError) -> [Livekit_ParticipantInfo]
  func participant(_ identity: String, of room: String) async throws(TwirpError) -> Livekit_ParticipantInfo
  /// Throws when another phone of this identity could not enter the room.
  func checkPlace(for identity: String, in room: String) async throws(TwirpError)
  func removeParticipant(_ identity: String, of room: String) async throws(TwirpError)
  func muteTrack(_ request: Livekit_MuteRoomTrackRequest) async throws(TwirpError) -> Livekit_TrackInfo
  func updateParticipant(_ request: Livekit_UpdateParticipantRequest) async throws(TwirpError)
    -> Livekit_ParticipantInfo
  func updateSubscriptions(_ request: Livekit_UpdateSubscriptionsRequest) async throws(TwirpError)
  func sendData(_ request: Livekit_SendDataRequest) async throws(TwirpError)
  func updateRoomMetadata(_ request: Livekit_UpdateRoomMetadataRequest) async throws(TwirpError) -> Livekit_Room
  /// Calls a method of a participant and waits for its answer.
  func performRPC(_ request: Livekit_PerformRpcRequest) async throws(TwirpError) -> String
}
