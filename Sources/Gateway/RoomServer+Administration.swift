import API
import Base
import Linux
import LiveKitProtocol
import RoomCore

/// `livekit.RoomService` on the rooms of this process.
extension RoomServer: RoomAdministration {
  func createRoom(_ request: Livekit_CreateRoomRequest) throws(TwirpError) -> Advised<Livekit_Room> {
    let (room, isNew, actions) = try Self.asked { () throws(RoomError) in
      try core.createRoom(request, now: MonotonicClock.now())
    }
    perform(actions)
    guard !isNew, !request.agents.isEmpty else { return Advised(room) }
    return Advised(
      room, warnings: ["the room exists and its agents were dispatched when it was made; CreateDispatch adds one"])
  }

  func listRooms() -> [Livekit_Room] { core.rooms }

  func deleteRoom(_ room: String) throws(TwirpError) {
    perform(try Self.asked { () throws(RoomError) in try core.deleteRoom(room, now: MonotonicClock.now()) })
  }

  func participants(of room: String) throws(TwirpError) -> [Livekit_ParticipantInfo] {
    try Self.asked { () throws(RoomError) in try core.participants(of: room) }
  }

  func participant(_ identity: String, of room: String) throws(TwirpError) -> Livekit_ParticipantInfo {
    try Self.asked { () throws(RoomError) in try core.participant(identity, of: room) }
  }

  func checkPlace(for identity: String, in room: String) throws(TwirpError) {
    try Self.asked { () throws(RoomError) in try core.checkPlace(for: identity, in: room) }
  }

  func removeParticipant(_ identity: String, of room: String) throws(TwirpError) {
    perform(
      try Self.asked { () throws(RoomError) in
        try core.removeParticipant(identity, of: room, now: MonotonicClock.now())
      })
  }

  func muteTrack(_ request: Livekit_MuteRoomTrackRequest) throws(TwirpError) -> Livekit_TrackInfo {
    let (track, actions) = try Self.asked { () throws(RoomError) in
      try core.muteTrack(request, now: MonotonicClock.now())
    }
    perform(actions)
    return track
  }

  func updateParticipant(_ request: Livekit_UpdateParticipantRequest) throws(TwirpError) -> Livekit_ParticipantInfo {
    let (participant, actions) = try Self.asked { () throws(RoomError) in
      try core.updateParticipant(request, now: MonotonicClock.now())
    }
    perform(actions)
    return participant
  }

  func updateSubscriptions(_ request: Livekit_UpdateSubscriptionsRequest) throws(TwirpError) {
    perform(
      try Self.asked { () throws(RoomError) in try core.updateSubscriptions(request, now: MonotonicClock.now()) })
  }

  func sendData(_ request: Livekit_SendDataRequest) throws(TwirpError) {
    perform(try Self.asked { () throws(RoomError) in try core.sendData(request, now: MonotonicClock.now()) })
  }

  func updateRoomMetadata(_ request: Livekit_UpdateRoomMetadataRequest) throws(TwirpError) -> Livekit_Room {
    let (room, actions) = try Self.asked { () throws(RoomError) in
      try core.updateRoomMetadata(request, now: MonotonicClock.now())
    }
    perform(actions)
    return room
  }

  private static func asked<Answer>(_ body: () throws(RoomError) -> Answer) throws(TwirpError) -> Answer {
    do {
      return try body()
    } catch {
      throw TwirpError(TwirpError.Code(error.code), error.reason)
    }
  }
}

// MARK: Methods of participants

/// Who is asked, and who waits.
struct PendingMethodCall {
  let room: String
  let identity: String
  let continuation: CheckedContinuation<Result<String, TwirpError>, Never>
}

extension RoomServer {
  private static let pendingCallLimit = 1000
  private static let methodTimeout = Duration.seconds(10)
  private static let methodTimeoutLimit = Duration.seconds(60)

  func performRPC(_ request: Livekit_PerformRpcRequest) async throws(TwirpError) -> String {
    guard pendingCalls.count < Self.pendingCallLimit else {
      throw TwirpError(.resourceExhausted, "\(Self.pendingCallLimit) calls of methods wait for their answers already")
    }
    let asked = Duration.milliseconds(Int64(request.responseTimeoutMs))
    guard asked <= Self.methodTimeoutLimit else {
      throw TwirpError(
        .invalidArgument, "response_timeout_ms: expected at most \(Self.methodTimeoutLimit.wholeMilliseconds)",
        meta: ["argument": "response_timeout_ms"])
    }
    let timeout = asked == .zero ? Self.methodTimeout : asked
    var request = request
    request.responseTimeoutMs = UInt32(timeout.wholeMilliseconds)
    let id = GUID.make(prefix: "RPC_")
    let actions = try Self.asked { () throws(RoomError) in
      try core.callMethod(request, id: id, now: MonotonicClock.now())
    }
    let timer = Task {
      try await Task.sleep(for: timeout)
      finish(id, .failure(TwirpError(.deadlineExceeded, "\(request.destinationIdentity) did not answer in time")))
    }
    defer { timer.cancel() }
    let result = await withCheckedContinuation { continuation in
      pendingCalls[id] = PendingMethodCall(
        room: request.room, identity: request.destinationIdentity, continuation: continuation)
      // Here, because a phone's answer is among them.
      perform(actions)
    }
    return try result.get()
  }

  func answered(_ packet: Livekit_DataPacket, by participant: Livekit_ParticipantInfo) {
    guard case .rpcResponse(let response) = packet.value,
      pendingCalls[response.requestID]?.identity == participant.identity
    else { return }
    switch response.value {
    case .payload(let payload): finish(response.requestID, .success(payload))
    case .error(let error): finish(response.requestID, .failure(TwirpError(error)))
    case .compressedPayload, nil:
      finish(
        response.requestID,
        .failure(TwirpError(.internal, "\(participant.identity) answered in a way nobody asked for")))
    }
  }

  /// Nobody waits for the answer of someone who is gone.
  func abandonCalls(of identity: String, in room: String) {
    for (id, call) in pendingCalls where call.room == room && call.identity == identity {
      finish(id, .failure(TwirpError(.unavailable, "\(identity) left the room before it answered")))
    }
  }

  private func finish(_ id: String, _ result: Result<String, TwirpError>) {
    pendingCalls.removeValue(forKey: id)?.continuation.resume(returning: result)
  }
}

extension TwirpError {
  /// A participant's error (livekit-wire 5.6); its number and data are in the meta.
  init(_ error: Livekit_RpcError) {
    let code: Code =
      switch error.code {
      case 1400: .unimplemented
      case 1402: .invalidArgument
      case 1501, 1502: .deadlineExceeded
      case 1503: .unavailable
      default: .failedPrecondition
      }
    self.init(code, error.message, meta: ["rpc_error_code": "\(error.code)", "rpc_error_data": error.data])
  }
}

extension TwirpError.Code {
  init(_ code: RoomError.Code) {
    switch code {
    case .invalidArgument: self = .invalidArgument
    case .notFound: self = .notFound
    case .failedPrecondition: self = .failedPrecondition
    case .resourceExhausted: self = .resourceExhausted
    }
  }
}
