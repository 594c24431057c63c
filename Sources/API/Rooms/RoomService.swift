import LiveKitProtocol
import Telephony

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
      TwirpMethod("CreateRoom", needs: .roomCreate) {
        [rooms] (request: Livekit_CreateRoomRequest, _) async throws(TwirpError) in
        try Self.check(request)
        return try await rooms.createRoom(request)
      },
      TwirpMethod("ListRooms", needs: .roomList) {
        [rooms] (request: Livekit_ListRoomsRequest, _) async throws(TwirpError) in
        var response = Livekit_ListRoomsResponse()
        let names = Set(request.names)
        response.rooms = try await rooms.listRooms().filter { names.isEmpty || names.contains($0.name) }
        return response
      },
      TwirpMethod("DeleteRoom", needs: .roomCreate) {
        [rooms] (request: Livekit_DeleteRoomRequest, _) async throws(TwirpError) in
        try await rooms.deleteRoom(request.room)
        return Livekit_DeleteRoomResponse()
      },
      TwirpMethod(
        "UpdateRoomMetadata", needs: .roomAdmin(\.room)
      ) { [rooms] (request: Livekit_UpdateRoomMetadataRequest, _) async throws(TwirpError) in
        try await rooms.updateRoomMetadata(request)
      },
    ]
  }

  private var participantMethods: [TwirpMethod] {
    [
      TwirpMethod("ListParticipants", needs: .roomAdmin(\.room)) {
        [rooms] (request: Livekit_ListParticipantsRequest, _) async throws(TwirpError) in
        var response = Livekit_ListParticipantsResponse()
        response.participants = try await rooms.participants(of: request.room)
        return response
      },
      TwirpMethod("GetParticipant", needs: .roomAdmin(\.room)) {
        [rooms] (request: Livekit_RoomParticipantIdentity, _) async throws(TwirpError) in
        try await rooms.participant(request.identity, of: request.room)
      },
      TwirpMethod(
        "RemoveParticipant", needs: .roomAdmin(\.room)
      ) { [rooms] (request: Livekit_RoomParticipantIdentity, _) async throws(TwirpError) in
        guard request.revokeTokenTs == 0 else {
          throw MessageField.invalid("revoke_token_ts", "expected none: tokens are valid until they expire")
        }
        try await rooms.removeParticipant(request.identity, of: request.room)
        return Livekit_RemoveParticipantResponse()
      },
      TwirpMethod("MutePublishedTrack", needs: .roomAdmin(\.room)) {
        [rooms] (request: Livekit_MuteRoomTrackRequest, _) async throws(TwirpError) in
        var response = Livekit_MuteRoomTrackResponse()
        response.track = try await rooms.muteTrack(request)
        return response
      },
      TwirpMethod(
        "UpdateParticipant", needs: .roomAdmin(\.room)
      ) { [rooms] (request: Livekit_UpdateParticipantRequest, _) async throws(TwirpError) in
        try await rooms.updateParticipant(request)
      },
      TwirpMethod(
        "UpdateSubscriptions", needs: .roomAdmin(\.room)
      ) { [rooms] (request: Livekit_UpdateSubscriptionsRequest, _) async throws(TwirpError) in
        try await rooms.updateSubscriptions(request)
        return Livekit_UpdateSubscriptionsResponse()
      },
      TwirpMethod(
        "MoveParticipant",
        needs: .roomMove(\.room, to: \.destinationRoom)
      ) { [rooms, calls] (request: Livekit_MoveParticipantRequest, _) async throws(TwirpError) in
        guard !request.destinationRoom.isEmpty, request.destinationRoom != request.room else {
          throw MessageField.invalid("destination_room", "expected another room")
        }
        guard try await rooms.participant(request.identity, of: request.room).kind == .sip else {
          throw TwirpError(.unimplemented, "only phones can be moved; clients join the other room themselves")
        }
        try await rooms.checkPlace(for: request.identity, in: request.destinationRoom)
        try await calls.moveParticipant(request)
        return Livekit_MoveParticipantResponse()
      },
      TwirpMethod(
        "ForwardParticipant",
        needs: .roomMove(\.room, to: \.destinationRoom)
      ) { (_: Livekit_ForwardParticipantRequest, _) async throws(TwirpError) -> Livekit_ForwardParticipantResponse in
        throw TwirpError(.unimplemented, "a participant is in one room; MoveParticipant moves a phone")
      },
    ]
  }

  private var messageMethods: [TwirpMethod] {
    [
      TwirpMethod("SendData", needs: .roomAdmin(\.room)) {
        [rooms] (request: Livekit_SendDataRequest, _) async throws(TwirpError) in
        if case .UNRECOGNIZED(let number) = request.kind {
          throw MessageField.invalid("kind", "there is no value \(number)")
        }
        try await rooms.sendData(request)
        return Livekit_SendDataResponse()
      },
      TwirpMethod("PerformRpc", needs: .roomAdmin(\.room)) {
        [rooms] (request: Livekit_PerformRpcRequest, _) async throws(TwirpError) in
        var response = Livekit_PerformRpcResponse()
        response.payload = try await rooms.performRPC(request)
        return response
      },
    ]
  }

  /// What a room of ours has not.
  private static func check(_ request: Livekit_CreateRoomRequest) throws(TwirpError) {
    guard request.nodeID.isEmpty else {
      throw MessageField.invalid("node_id", "expected none: this gateway is the only node")
    }
    var configuration = Livekit_RoomConfiguration()
    configuration.agents = request.agents
    configuration.tags = request.tags
    _ = try RoomConfiguration(configuration, in: "")
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
