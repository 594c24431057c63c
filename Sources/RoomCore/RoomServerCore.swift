import Base
import LiveKitProtocol

/// The room server's decisions: rooms, participants, tracks, subscriptions, signalling, data. A value without clock,
/// socket or thread: inputs go in, actions come out, to be performed in order.
public struct RoomServerCore: Sendable {
  public let configuration: RoomServerConfiguration

  var roomsByName: [String: Room] = [:]
  var turn: Turn

  /// - Parameter seed: makes all names and secrets predictable, for tests. Nil: they are random.
  public init(configuration: RoomServerConfiguration, seed: UInt64? = nil) {
    self.configuration = configuration
    turn = Turn(configuration: configuration, seed: seed)
  }

  /// What was dropped or refused since the start.
  public var counters: RoomCounters { turn.counters }

  // MARK: Inputs

  public mutating func handle(_ input: RoomInput, now: MonotonicTime) -> [RoomAction] {
    turn.now = now
    switch input {
    case .join(let session, let intent): join(intent, session: session)
    case .request(let session, let request): handle(request, from: session)
    case .sessionClosed(let session):
      with(turn.sessions.removeValue(forKey: session)) { room, sid, turn in
        room.sessionClosed(session, of: sid, turn: &turn)
      }
    case .tick: tick()
    default: handleMedia(input)
    }
    return turn.takeActions()
  }

  private mutating func handle(_ request: Livekit_SignalRequest, from session: SessionID) {
    with(turn.sessions[session]) { room, sid, turn in
      guard room.change(sid, { $0.hears(turn.now) }) == true else {
        turn.counters.requestsOverRate += 1
        if room.change(sid, { $0.excessRequests.take(now: turn.now) }) == false { room.banish(sid, turn: &turn) }
        return
      }
      room.handle(request, from: sid, turn: &turn)
    }
  }

  private mutating func tick() {
    for name in roomsByName.keys.sorted() {
      roomsByName[name]?.tick(turn: &turn)
      if roomsByName[name]?.isExpired(now: turn.now) == true { close(name, .roomClosed) }
    }
  }

  // MARK: Joining

  /// Why a join would fail, for `/rtc/validate` and before the WebSocket is opened. Nil: it may join.
  public func refusal(of intent: JoinIntent) -> JoinRefusal? {
    let name = intent.roomName
    let grant = intent.grants.video
    let limit = configuration.limits.nameByteCount
    if grant.roomJoin != true { return JoinRefusal(status: 401, reason: "the token does not grant roomJoin") }
    if let asked = intent.query.room, let granted = grant.room, !granted.isEmpty, asked != granted {
      return JoinRefusal(status: 401, reason: "the token is for another room")
    }
    if name.isEmpty { return JoinRefusal(status: 400, reason: "neither the token nor the query names a room") }
    if intent.grants.identity.isEmpty { return JoinRefusal(status: 400, reason: "the token has no identity (sub)") }
    if name.utf8.count > limit || intent.grants.identity.utf8.count > limit {
      return JoinRefusal(status: 400, reason: "room and identity may have at most \(limit) bytes")
    }
    if let reason = configuration.limits.violation(
      name: intent.grants.name, metadata: intent.grants.metadata, attributes: intent.grants.attributes)
    {
      return JoinRefusal(status: 400, reason: reason)
    }
    let request = intent.query.joinRequest
    if intent.grants.video.mayUpdateOwnMetadata,
      let reason = configuration.limits.violation(
        name: "", metadata: request.metadata,
        attributes: intent.grants.attributes.merging(request.participantAttributes) { $1 })
    {
      return JoinRefusal(status: 400, reason: reason)
    }
    // A client whose room is gone learns so over the WebSocket, in the words it understands.
    if request.reconnect { return nil }
    return refusal(toEnter: intent, room: roomsByName[name])
  }

  private func refusal(toEnter intent: JoinIntent, room: Room?) -> JoinRefusal? {
    guard let room else {
      if !configuration.autoCreate && !intent.grants.video.mayCreateRooms {
        return JoinRefusal(status: 404, reason: "the room does not exist and is not created by joining")
      }
      if roomsByName.count >= configuration.limits.rooms {
        return JoinRefusal(status: 503, reason: "the server has \(configuration.limits.rooms) rooms and takes no more")
      }
      return nil
    }
    if room.isFull(for: intent.grants, limits: configuration.limits) {
      return JoinRefusal(status: 503, reason: "the room is full")
    }
    return nil
  }

  private mutating func join(_ intent: JoinIntent, session: SessionID) {
    // Things may have changed since the WebSocket was let through.
    guard refusal(of: intent) == nil, turn.sessions[session] == nil else {
      dismiss(session, .joinFailure, action: .disconnect)
      return
    }
    let name = intent.roomName
    if intent.query.joinRequest.reconnect {
      if roomsByName[name]?.resume(intent, session: session, turn: &turn) != true {
        dismiss(session, .stateMismatch, action: .reconnect)
      }
      return
    }
    open(name, intent.grants.roomConfiguration)
    roomsByName[name]?.join(intent, session: session, turn: &turn)
  }

  private mutating func dismiss(
    _ session: SessionID, _ reason: Livekit_DisconnectReason, action: Livekit_LeaveRequest.Action
  ) {
    turn.send(.leave(.init(reason, action: action)), to: session)
    turn.emit(.close(session, reason: "not joined: \(reason)"))
  }

  // MARK: Rooms

  /// Makes sure that there is a room of this name.
  mutating func open(_ name: String, _ configuration: Livekit_RoomConfiguration?) {
    guard roomsByName[name] == nil else { return }
    roomsByName[name] = Room(name: name, configuration: configuration ?? Livekit_RoomConfiguration(), turn: &turn)
  }

  mutating func close(_ name: String, _ reason: Livekit_DisconnectReason) {
    roomsByName[name]?.close(reason, turn: &turn)
    roomsByName[name] = nil
  }

  /// Lets the room of a session, transport or track handle something. Nothing when it is gone.
  mutating func with(_ owner: Turn.Owner?, _ body: (inout Room, String, inout Turn) -> Void) {
    guard let owner, let index = roomsByName.index(forKey: owner.room) else { return }
    body(&roomsByName.values[index], owner.participantSID, &turn)
  }
}

/// Network input that came to nothing.
public struct RoomCounters: Hashable, Sendable {
  public var requestsOverRate = 0
  /// Clients sent away for their requests over rate.
  public var clientsBanished = 0
  public var dataPacketsOverRate = 0
  public var dataPacketsMalformed = 0
  public var dataPacketsNotAllowed = 0
  public var dataPacketsRepeated = 0
  public var dataPacketsQueueFull = 0

  public init() {}
}

extension Participant {
  /// Notes a sign of life. False when there are too many of them.
  mutating func hears(_ now: MonotonicTime) -> Bool {
    heardAt = now
    return requests.take(now: now)
  }
}

extension Room {
  mutating func sessionClosed(_ session: SessionID, of sid: String, turn: inout Turn) {
    guard participants[sid]?.session == session else { return }
    noteDrop(of: sid, turn: &turn)
  }

  /// The participant is kept for a while.
  mutating func noteDrop(of sid: String, turn: inout Turn) {
    change(sid) {
      $0.session = nil
      $0.droppedAt = turn.now
    }
    if let participant = participants[sid] { turn.emit(.participantDropped(info, participant.info)) }
  }

  /// Whether another client with these grants must stay out. One that replaces itself may come.
  func isFull(for grants: Grants, limits: RoomLimits) -> Bool {
    if sidsByIdentity[grants.identity] != nil { return false }
    if participants.count >= limits.participantsPerRoom { return true }
    let isDependent =
      grants.kind == .agent || grants.kind == .egress || grants.video.isAgent || grants.video.isRecorder
    return !isDependent && maxParticipants > 0
      && participants.values.count { !$0.isDependent } >= Int(maxParticipants)
  }
}
