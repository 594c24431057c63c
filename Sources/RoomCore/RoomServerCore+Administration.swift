import Base
import LiveKitProtocol
import SwiftProtobuf

/// What the RoomService API asks for.
extension RoomServerCore {
  // MARK: Asking

  /// In the order of their names.
  public var rooms: [Livekit_Room] { roomsByName.values.map(\.info).sorted { $0.name < $1.name } }

  /// In the order of joining.
  public func participants(of room: String) throws(RoomError) -> [Livekit_ParticipantInfo] {
    try existing(room).orderedParticipants.map(\.info)
  }

  public func participant(_ identity: String, of room: String) throws(RoomError) -> Livekit_ParticipantInfo {
    try existing(identity, in: existing(room)).info
  }

  private func existing(_ room: String) throws(RoomError) -> Room {
    guard let room = roomsByName[room] else { throw RoomError(.notFound, "the room does not exist") }
    return room
  }

  private func existing(_ identity: String, in room: Room) throws(RoomError) -> Participant {
    guard let participant = room.participant(identity: identity) else {
      throw RoomError(.notFound, "the participant does not exist")
    }
    return participant
  }

  // MARK: Rooms

  /// Makes the room. One that exists takes over the timeouts, `max_participants` and metadata that are set.
  public mutating func createRoom(
    _ request: Livekit_CreateRoomRequest, now: MonotonicTime
  ) throws(RoomError) -> (room: Livekit_Room, isNew: Bool, actions: [RoomAction]) {
    turn.now = now
    let limits = turn.limits
    guard !request.name.isEmpty, request.name.utf8.count <= limits.nameByteCount else {
      throw RoomError(.invalidArgument, "a room's name has 1…\(limits.nameByteCount) bytes")
    }
    if let reason = limits.violation(name: "", metadata: request.metadata, attributes: request.tags) {
      throw RoomError(.invalidArgument, reason)
    }
    guard roomsByName[request.name] != nil || roomsByName.count < limits.rooms else {
      throw RoomError(.resourceExhausted, "the server has \(limits.rooms) rooms and takes no more")
    }
    var configuration = Livekit_RoomConfiguration()
    configuration.emptyTimeout = request.emptyTimeout
    configuration.departureTimeout = request.departureTimeout
    configuration.maxParticipants = request.maxParticipants
    configuration.metadata = request.metadata
    configuration.agents = request.agents
    configuration.tags = request.tags
    let isNew = roomsByName[request.name] == nil
    open(request.name, configuration)
    if !isNew { roomsByName[request.name]?.adopt(configuration, turn: &turn) }
    return (try existing(request.name).info, isNew, turn.takeActions())
  }

  /// Throws when another phone of this identity could not enter the room, there or not.
  public func checkPlace(for identity: String, in room: String) throws(RoomError) {
    var grants = Grants(identity: identity)
    grants.kind = .sip
    if let room = roomsByName[room] {
      if room.isFull(for: grants, limits: turn.limits) { throw RoomError(.resourceExhausted, "the room is full") }
    } else if roomsByName.count >= turn.limits.rooms {
      throw RoomError(.resourceExhausted, "the server has \(turn.limits.rooms) rooms and takes no more")
    }
  }

  public mutating func deleteRoom(_ room: String, now: MonotonicTime) throws(RoomError) -> [RoomAction] {
    turn.now = now
    _ = try existing(room)
    close(room, .roomDeleted)
    return turn.takeActions()
  }

  public mutating func updateRoomMetadata(
    _ request: Livekit_UpdateRoomMetadataRequest, now: MonotonicTime
  ) throws(RoomError) -> (room: Livekit_Room, actions: [RoomAction]) {
    turn.now = now
    _ = try existing(request.room)
    if let reason = turn.limits.violation(name: "", metadata: request.metadata, attributes: [:]) {
      throw RoomError(.invalidArgument, reason)
    }
    roomsByName[request.room]?.metadata = request.metadata
    roomsByName[request.room]?.announceRoom(turn: &turn)
    return (try existing(request.room).info, turn.takeActions())
  }

  // MARK: Participants

  public mutating func removeParticipant(
    _ identity: String, of room: String, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] {
    turn.now = now
    let participant = try existing(identity, in: existing(room))
    roomsByName[room]?.remove(participant.sid, reason: .participantRemoved, leave: .disconnect, turn: &turn)
    return turn.takeActions()
  }

  public mutating func muteTrack(
    _ request: Livekit_MuteRoomTrackRequest, now: MonotonicTime
  ) throws(RoomError) -> (track: Livekit_TrackInfo, actions: [RoomAction]) {
    turn.now = now
    let participant = try existing(request.identity, in: existing(request.room))
    guard let index = participant.trackIndex(sid: request.trackSid) else {
      throw RoomError(.notFound, "the participant publishes no such track")
    }
    // A microphone is opened by its owner alone.
    guard request.muted || participant.isLocal || !participant.tracks[index].info.muted else {
      throw RoomError(.failedPrecondition, "a client's track is unmuted by the client only")
    }
    if participant.isLocal {
      turn.emit(.localMuted(participantSID: participant.sid, request.muted))
    } else {
      var mute = Livekit_MuteTrackRequest()
      mute.sid = request.trackSid
      mute.muted = request.muted
      turn.send(.mute(mute), to: participant.session)
    }
    _ = roomsByName[request.room]?.setMuted(
      request.muted, trackSID: request.trackSid, of: participant.sid, turn: &turn)
    var track = participant.tracks[index].info
    track.muted = request.muted
    return (track, turn.takeActions())
  }

  public mutating func updateParticipant(
    _ request: Livekit_UpdateParticipantRequest, now: MonotonicTime
  ) throws(RoomError) -> (participant: Livekit_ParticipantInfo, actions: [RoomAction]) {
    turn.now = now
    let participant = try existing(request.identity, in: existing(request.room))
    if request.hasPermission, participant.isLocal {
      throw RoomError(.failedPrecondition, "what a phone may do is not a matter of permissions: mute or remove it")
    }
    var isChanged = false
    if var room = roomsByName.removeValue(forKey: request.room) {
      defer { roomsByName[request.room] = room }
      isChanged = try room.update(
        participant.sid, name: request.name, metadata: request.metadata, attributes: request.attributes,
        limits: turn.limits)
      if request.hasPermission { isChanged = true }
      if request.hasPermission { room.setPermission(request.permission, of: participant.sid, turn: &turn) }
      if isChanged { room.changed(participant.sid, turn: &turn) }
    }
    return (try existing(request.identity, in: existing(request.room)).info, turn.takeActions())
  }

  public mutating func updateSubscriptions(
    _ request: Livekit_UpdateSubscriptionsRequest, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] {
    turn.now = now
    let participant = try existing(request.identity, in: existing(request.room))
    guard !participant.isLocal else {
      throw RoomError(.failedPrecondition, "a phone hears all of its room; there is nothing to subscribe to")
    }
    roomsByName[request.room]?.updateSubscriptions(
      of: participant.sid, trackSIDs: request.trackSids + request.participantTracks.flatMap(\.trackSids),
      isWanted: request.subscribe, turn: &turn)
    return turn.takeActions()
  }

  /// Sends data as the server: its packets name no sender.
  public mutating func sendData(
    _ request: Livekit_SendDataRequest, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] {
    turn.now = now
    _ = try existing(request.room)
    guard request.data.count <= turn.limits.dataByteCount else {
      throw RoomError(.invalidArgument, "the data has more than \(turn.limits.dataByteCount) bytes")
    }
    var packet = Livekit_DataPacket()
    packet.user.payload = request.data
    if request.hasTopic { packet.user.topic = request.topic }
    packet.user.nonce = request.nonce
    packet.user.destinationSids = request.destinationSids
    packet.user.destinationIdentities = request.destinationIdentities
    packet.destinationIdentities = request.destinationIdentities
    roomsByName[request.room]?.forward(packet, isReliable: request.kind == .reliable, from: nil, turn: &turn)
    return turn.takeActions()
  }
}

extension RoomServerCore {
  /// Calls a method of a participant; `serverAnswered` tells what it says to `id`.
  public mutating func callMethod(
    _ request: Livekit_PerformRpcRequest, id: String, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] {
    turn.now = now
    _ = try existing(request.destinationIdentity, in: existing(request.room))
    guard !request.method.isEmpty, request.method.utf8.count <= turn.limits.rpcMethodByteCount else {
      throw RoomError(.invalidArgument, "a method's name has 1…\(turn.limits.rpcMethodByteCount) bytes")
    }
    guard request.payload.utf8.count <= turn.limits.rpcPayloadByteCount else {
      throw RoomError(.invalidArgument, "the payload has more than \(turn.limits.rpcPayloadByteCount) bytes")
    }
    roomsByName[request.room]?.callMethod(request, id: id, turn: &turn)
    return turn.takeActions()
  }
}

extension Room {
  /// Sets what a participant may do; what it may not do any more ends.
  mutating func setPermission(_ permission: Livekit_ParticipantPermission, of sid: String, turn: inout Turn) {
    let affected = permit(permission, to: sid, turn: &turn).union([sid])
    negotiate(order.filter(affected.contains), turn: &turn)
  }

  /// The same without telling clients' connections. Returns who, besides the participant, must be negotiated with.
  mutating func permit(
    _ permission: Livekit_ParticipantPermission, to sid: String, turn: inout Turn
  ) -> Set<String> {
    participants[sid]?.permission = permission
    guard let participant = participants[sid] else { return [] }
    var affected: Set<String> = []
    for track in participant.tracks where !participant.isLocal && !participant.mayPublish(track.info.source) {
      affected.formUnion(unpublish(track.id, of: sid, tellsPublisher: true, turn: &turn))
    }
    return affected
  }
}
