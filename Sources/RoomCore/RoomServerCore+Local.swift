import Base
import LiveKitProtocol

/// Phone calls as participants.
extension RoomServerCore {
  /// Joins a call to `room`, which is created with `configuration` when it is not there. Whoever has the same identity
  /// there is removed. Note the result before the actions are performed: they may already concern it.
  public mutating func joinLocal(
    _ participant: LocalParticipant, room name: String, configuration: Livekit_RoomConfiguration? = nil,
    now: MonotonicTime
  ) throws(RoomError) -> (join: LocalJoin, actions: [RoomAction]) {
    turn.now = now
    let limits = turn.limits
    guard !name.isEmpty, name.utf8.count <= limits.nameByteCount else {
      throw RoomError(.invalidArgument, "a room's name has 1…\(limits.nameByteCount) bytes")
    }
    guard !participant.identity.isEmpty, participant.identity.utf8.count <= limits.nameByteCount else {
      throw RoomError(.invalidArgument, "an identity has 1…\(limits.nameByteCount) bytes")
    }
    if let reason = limits.violation(
      name: participant.name, metadata: participant.metadata, attributes: participant.attributes)
    {
      throw RoomError(.invalidArgument, reason)
    }
    var grants = Grants(identity: participant.identity)
    grants.kind = participant.kind
    if let room = roomsByName[name] {
      if room.isFull(for: grants, limits: limits) { throw RoomError(.resourceExhausted, "the room is full") }
    } else if roomsByName.count >= limits.rooms {
      throw RoomError(.resourceExhausted, "the server has \(limits.rooms) rooms and takes no more")
    }
    open(name, configuration)
    guard let join = roomsByName[name]?.joinLocal(participant, turn: &turn) else {
      throw RoomError(.notFound, "the room is gone")
    }
    return (join, turn.takeActions())
  }

  /// Nothing when the participant is gone already.
  public mutating func leaveLocal(
    _ participantSID: String, reason: Livekit_DisconnectReason = .clientInitiated, now: MonotonicTime
  ) -> [RoomAction] {
    withLocal(participantSID, now: now) { $0.remove($1, reason: reason, leave: nil, turn: &$2) }
  }

  /// Sets the given attributes; an empty value removes one. Attributes beyond the size limit change nothing.
  public mutating func updateLocal(
    _ participantSID: String, attributes: [String: String], now: MonotonicTime
  ) -> [RoomAction] {
    withLocal(participantSID, now: now) { room, sid, turn in
      let outcome = Result { () throws(RoomError) in
        try room.update(sid, name: "", metadata: "", attributes: attributes, limits: turn.limits)
      }
      if case .success(true) = outcome { room.changed(sid, turn: &turn) }
    }
  }

  /// Sends data as this participant: `sip_dtmf`, RPC answers. Identity, sid and sequence are filled in.
  public mutating func sendLocal(
    _ participantSID: String, _ packet: Livekit_DataPacket, isReliable: Bool = true, now: MonotonicTime
  ) -> [RoomAction] {
    withLocal(participantSID, now: now) { $0.send(packet, isReliable: isReliable, asLocal: $1, turn: &$2) }
  }

  private mutating func withLocal(
    _ sid: String, now: MonotonicTime, _ body: (inout Room, String, inout Turn) -> Void
  ) -> [RoomAction] {
    turn.now = now
    with(turn.locals[sid].map { Turn.Owner(room: $0, participantSID: sid) }, body)
    return turn.takeActions()
  }
}
