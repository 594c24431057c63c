import LiveKitProtocol

/// `livekit.RoomService`.
public struct RoomService: Sendable {
  private let rooms: any RoomAdministration
  private let calls: any CallService

  public init(rooms: any RoomAdministration, calls: any CallService) {
    self.rooms = rooms
    self.calls = calls
  }

  public var methods: [TwirpMethod] { roomMethods + participantMethods + messageMethods }

  private var roomMethods: [TwirpMethod] {
    [
      TwirpMethod("CreateRoom", needs: { (_: Livekit_CreateRoomRequest) in .roomCreate }) {
        [rooms] (request, _) async throws(TwirpError) in
        try Self.check(request)
        return try await rooms.createRoom(request)
      },
      TwirpMethod("ListRooms", needs: { (_: Livekit_ListRoomsRequest) in .roomList }) {
        [rooms] (request, _) async throws(TwirpError) in
        var response = Livekit_ListRoomsResponse()
        let names = Set(request.names)
        response.rooms = await rooms.listRooms().filter { names.isEmpty || names.contains($0.name) }
        return response
      },
      TwirpMethod("DeleteRoom", needs: { (_: Livekit_DeleteRoomRequest) in .roomCreate }) {
        [rooms] (request, _) async throws(TwirpError) in
        try await rooms.deleteRoom(request.room)
        return Livekit_DeleteRoomResponse()
      },
      TwirpMethod(
        "UpdateRoomMetadata", needs: { (request: Livekit_UpdateRoomMetadataRequest) in .roomAdmin(request.room) }
      ) { [rooms] (request, _) async throws(TwirpError) in try await rooms.updateRoomMetadata(request) },
    ]
  }

  private var participantMethods: [TwirpMethod] {
    [
      TwirpMethod("ListParticipants", needs: { (request: Livekit_ListParticipantsRequest) in .roomAdmin(request.room) })
      { [rooms] (request, _) async throws(TwirpError) in
        var response = Livekit_ListParticipantsResponse()
        response.participants = try await rooms.participants(of: request.room)
        return response
      },
      TwirpMethod("GetParticipant", needs: { (request: Livekit_RoomParticipantIdentity) in .roomAdmin(request.room) }) {
        [rooms] (request, _) async throws(TwirpError) in
        try await rooms.participant(request.identity, of: request.room)
      },
      TwirpMethod(
        "RemoveParticipant", needs: { (request: Livekit_RoomParticipantIdentity) in .roomAdmin(request.room) }
      ) { [rooms] (request, _) async throws(TwirpError) in
        guard request.revokeTokenTs == 0 else {
          throw MessageField.invalid("revoke_token_ts", "expected none: tokens are valid until they expire")
        }
        try await rooms.removeParticipant(request.identity, of: request.room)
        return Livekit_RemoveParticipantResponse()
      },
      TwirpMethod("MutePublishedTrack", needs: { (request: Livekit_MuteRoomTrackRequest) in .roomAdmin(request.room) })
      { [rooms] (request, _) async throws(TwirpError) in
        var response = Livekit_MuteRoomTrackResponse()
        response.track = try await rooms.muteTrack(request)
        return response
      },
      TwirpMethod(
        "UpdateParticipant", needs: { (request: Livekit_UpdateParticipantRequest) in .roomAdmin(request.room) }
      ) { [rooms] (request, _) async throws(TwirpError) in try await rooms.updateParticipant(request) },
      TwirpMethod(
        "UpdateSubscriptions", needs: { (request: Livekit_UpdateSubscriptionsRequest) in .roomAdmin(request.room) }
      ) { [rooms] (request, _) async throws(TwirpError) in
        try await rooms.updateSubscriptions(request)
        return Livekit_UpdateSubscriptionsResponse()
      },
      TwirpMethod(
        "MoveParticipant",
        needs: { (request: Livekit_MoveParticipantRequest) in .roomMove(request.room, to: request.destinationRoom) }
      ) { [rooms, calls] (request, _) async throws(TwirpError) in
        guard !request.destinationRoom.isEmpty, request.destinationRoom != request.room else {
          throw MessageField.invalid("destination_room", "expected another room")
        }
        guard try await rooms.participant(request.identity, of: request.room).kind == .sip else {
          throw TwirpError(.unimplemented, "only phones can be moved; clients join the other room themselves")
        }
        try await calls.moveParticipant(request)
        return Livekit_MoveParticipantResponse()
      },
      TwirpMethod(
        "ForwardParticipant",
        needs: { (request: Livekit_ForwardParticipantRequest) in .roomMove(request.room, to: request.destinationRoom) }
      ) { (_, _) async throws(TwirpError) -> Livekit_ForwardParticipantResponse in
        throw TwirpError(.unimplemented, "a participant is in one room; MoveParticipant moves a phone")
      },
    ]
  }

  private var messageMethods: [TwirpMethod] {
    [
      TwirpMethod("SendData", needs: { (request: Livekit_SendDataRequest) in .roomAdmin(request.room) }) {
        [rooms] (request, _) async throws(TwirpError) in
        try await rooms.sendData(request)
        return Livekit_SendDataResponse()
      },
      TwirpMethod("PerformRpc", needs: { (request: Livekit_PerformRpcRequest) in .roomAdmin(request.room) }) {
        [rooms] (request, _) async throws(TwirpError) in
        var response = Livekit_PerformRpcResponse()
        response.payload = try await rooms.performRPC(request)
        return response
      },
    ]
  }

  /// What a room of ours has not.
  private static func check(_ request: Livekit_CreateRoomRequest) throws(TwirpError) {
    if request.hasEgress { throw TwirpError(.unimplemented, "egress: this gateway records no rooms") }
    guard request.roomPreset.isEmpty else {
      throw MessageField.invalid("room_preset", "there are no presets; write their values into the request")
    }
    guard request.minPlayoutDelay == 0, request.maxPlayoutDelay == 0, !request.syncStreams, !request.replayEnabled
    else {
      throw MessageField.invalid(
        "min_playout_delay", "playout delays, sync_streams and replay_enabled are not available in this version")
    }
  }
}
