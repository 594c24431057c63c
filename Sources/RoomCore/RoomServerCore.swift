import Base
import LiveKitProtocol

/// The room server's decisions: rooms, participants, tracks, subscriptions, signalling, data. A value without clock,
/// socket or thread: inputs go in, actions come out, to be performed in order.
public struct RoomServerCore: Sendable {
  public let configuration: RoomServerConfiguration

  public init(configuration: RoomServerConfiguration) { self.configuration = configuration }

  /// Why a join would fail, for `/rtc/validate` and before the WebSocket is opened. Nil: it may join.
  public func refusal(of intent: JoinIntent) -> JoinRefusal? { nil }

  public mutating func handle(_ input: RoomInput, now: MonotonicTime) -> [RoomAction] { [] }

  // MARK: SIP participants

  /// Joins a call to `room`, which is created with `configuration` when it is not there.
  public mutating func joinLocal(
    _ participant: LocalParticipant, room: String, configuration: Livekit_RoomConfiguration? = nil, now: MonotonicTime
  ) throws(RoomError) -> (join: LocalJoin, actions: [RoomAction]) { throw RoomError(.notFound, "") }

  /// Nothing when the participant is gone already.
  public mutating func leaveLocal(
    _ participantSID: String, reason: Livekit_DisconnectReason = .clientInitiated, now: MonotonicTime
  ) -> [RoomAction] { [] }

  /// Sets the given attributes; an empty value removes one.
  public mutating func updateLocal(
    _ participantSID: String, attributes: [String: String], now: MonotonicTime
  ) -> [RoomAction] { [] }

  /// Sends data as this participant: `sip_dtmf`, RPC answers. Identity, sid and sequence are filled in.
  public mutating func sendLocal(
    _ participantSID: String, _ packet: Livekit_DataPacket, isReliable: Bool = true, now: MonotonicTime
  ) -> [RoomAction] { [] }

  // MARK: Administration (RoomService)

  public var rooms: [Livekit_Room] { [] }
  public func participants(of room: String) throws(RoomError) -> [Livekit_ParticipantInfo] { [] }
  public func participant(_ identity: String, of room: String) throws(RoomError) -> Livekit_ParticipantInfo { .init() }

  /// The room, as it is when it exists already.
  public mutating func createRoom(
    _ request: Livekit_CreateRoomRequest, now: MonotonicTime
  ) throws(RoomError) -> (room: Livekit_Room, actions: [RoomAction]) { throw RoomError(.notFound, "") }

  public mutating func deleteRoom(_ room: String, now: MonotonicTime) throws(RoomError) -> [RoomAction] { [] }

  public mutating func removeParticipant(
    _ identity: String, of room: String, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] { [] }

  public mutating func muteTrack(
    _ request: Livekit_MuteRoomTrackRequest, now: MonotonicTime
  ) throws(RoomError) -> (track: Livekit_TrackInfo, actions: [RoomAction]) { throw RoomError(.notFound, "") }

  public mutating func updateParticipant(
    _ request: Livekit_UpdateParticipantRequest, now: MonotonicTime
  ) throws(RoomError) -> (participant: Livekit_ParticipantInfo, actions: [RoomAction]) {
    throw RoomError(.notFound, "")
  }

  public mutating func updateSubscriptions(
    _ request: Livekit_UpdateSubscriptionsRequest, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] { [] }

  public mutating func updateRoomMetadata(
    _ request: Livekit_UpdateRoomMetadataRequest, now: MonotonicTime
  ) throws(RoomError) -> (room: Livekit_Room, actions: [RoomAction]) { throw RoomError(.notFound, "") }

  public mutating func sendData(
    _ request: Livekit_SendDataRequest, now: MonotonicTime
  ) throws(RoomError) -> [RoomAction] { [] }

  /// What was dropped or refused since the start.
  public var counters: RoomCounters { RoomCounters() }
}

/// Network input that came to nothing.
public struct RoomCounters: Hashable, Sendable {
  public var requestsOverRate = 0
  public var dataPacketsOverRate = 0
  public var dataPacketsMalformed = 0
  public var dataPacketsNotAllowed = 0
  public var dataPacketsRepeated = 0
  public var dataPacketsQueueFull = 0

  public init() {}
}
