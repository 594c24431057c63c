import Base
import LiveKitProtocol
import SDP

/// Coming, coming back and going.
extension Room {
  // MARK: Joining

  mutating func join(_ intent: JoinIntent, session: SessionID, turn: inout Turn) {
    if let old = participant(identity: intent.grants.identity) {
      remove(old.sid, reason: .duplicateIdentity, leave: .disconnect, turn: &turn)
    }
    let sid = admit(Participant(intent, session: session, turn: &turn), turn: &turn)
    turn.sessions[session] = Turn.Owner(room: name, participantSID: sid)
    sendJoinResponse(to: sid, turn: &turn)
    announce(sid, includesSelf: false, turn: &turn)
    if let participant = participants[sid] { turn.emit(.participantJoined(info, participant.info)) }

    subscribeToExistingTracks(sid, turn: &turn)
    let request = intent.query.joinRequest
    for track in request.addTrackRequests.prefix(turn.limits.tracksPerParticipant) {
      addTrack(track, of: sid, turn: &turn)
    }
    if request.hasPublisherOffer { handleOffer(request.publisherOffer, from: sid, turn: &turn) }
    negotiate([sid], turn: &turn)
  }

  /// Adds someone new.
  mutating func admit(_ participant: Participant, turn: inout Turn) -> String {
    participants[participant.sid] = participant
    order.append(participant.sid)
    sidsByIdentity[participant.identity] = participant.sid
    turn.loopLoads[safe: media.loop] += 1
    if !participant.isDependent { wasJoined = true }
    return participant.sid
  }

  private mutating func sendJoinResponse(to sid: String, turn: inout Turn) {
    guard let participant = participants[sid] else { return }
    let configuration = turn.configuration
    var response = Livekit_JoinResponse()
    response.room = info
    response.participant = participant.info
    response.otherParticipants = orderedParticipants.filter { $0.sid != sid && !$0.isHidden }.map(\.info)
    response.serverVersion = configuration.serverVersion
    response.serverRegion = configuration.region
    response.serverInfo = configuration.serverInfo
    response.subscriberPrimary = participant.offering != nil
    response.pingInterval = Int32(clamping: configuration.pingInterval.components.seconds)
    response.pingTimeout = Int32(clamping: configuration.pingTimeout.components.seconds)
    response.enabledPublishCodecs = info.enabledCodecs
    response.fastPublish = participant.permission.canPublish
    reported = reported ?? response.room
    turn.send(.join(response), to: participant.session)
  }

  // MARK: Resuming

  /// Gives a participant whose connection dropped its new one. False when it is unknown and must join anew.
  mutating func resume(_ intent: JoinIntent, session: SessionID, turn: inout Turn) -> Bool {
    let sid = intent.query.joinRequest.participantSid
    let granted = intent.grants.video.permission
    guard let participant = participants[sid], !participant.isLocal, !participant.hasMissedTooMuch,
      participant.identity == intent.grants.identity,
      // Who is hidden is settled at the join: others know of it, or do not.
      participant.granted.hidden == granted.hidden
    else { return false }
    if let old = participant.session {
      turn.sessions[old] = nil
      turn.emit(.close(old, reason: "resumed on another connection"))
    }
    turn.sessions[session] = Turn.Owner(room: name, participantSID: sid)
    let missed = participant.missed.values.sorted { $0.sid < $1.sid }
    change(sid) {
      $0.session = session
      $0.droppedAt = nil
      $0.heardAt = turn.now
      $0.missed = [:]
      $0.offering?.awaitingAnswerSince = nil
      $0.answering?.requested = nil
    }
    var response = Livekit_ReconnectResponse()
    response.serverInfo = turn.configuration.serverInfo
    response.lastMessageSeq = participant.reliableSequence
    turn.send(.reconnect(response), to: session)
    let affected = regrant(granted, to: sid, turn: &turn)
    // The whole state and what has gone: a client takes the union for who is there.
    var update = Livekit_ParticipantUpdate()
    update.participants = missed + orderedParticipants.filter { !$0.isHidden || $0.sid == sid }.map(\.info)
    turn.send(.update(update), to: session)
    var roomUpdate = Livekit_RoomUpdate()
    roomUpdate.room = info
    turn.send(.roomUpdate(roomUpdate), to: session)

    let request = intent.query.joinRequest
    if request.hasSyncState { handleSyncState(request.syncState, from: sid, turn: &turn) }
    if request.hasPublisherOffer { handleOffer(request.publisherOffer, from: sid, turn: &turn) }
    let media = media
    change(sid) {
      $0.offer(restartsICE: true, media: media, turn: &turn)
      $0.negotiate(media: media, turn: &turn)
    }
    negotiate(order.filter(affected.contains), turn: &turn)
    if let participant = participants[sid] { turn.emit(.participantResumed(info, participant.info)) }
    return true
  }

  /// Gives a participant what a newer token grants. What an administrator has set since the last token stays as long
  /// as the tokens agree. Returns who else must be negotiated with.
  private mutating func regrant(
    _ granted: Livekit_ParticipantPermission, to sid: String, turn: inout Turn
  ) -> Set<String> {
    guard let participant = participants[sid], participant.granted != granted else { return [] }
    participants[sid]?.granted = granted
    let affected = permit(granted, to: sid, turn: &turn)
    participants[sid]?.version &+= 1
    announce(sid, includesSelf: false, turn: &turn)
    return affected
  }

  /// Gives a signalling connection up.
  mutating func drop(_ sid: String, turn: inout Turn) {
    guard let participant = participants[sid], let session = participant.session else { return }
    turn.sessions[session] = nil
    turn.emit(.close(session, reason: "nothing heard from the client"))
    noteDrop(of: sid, turn: &turn)
  }

  // MARK: Leaving

  /// Sends a client away that asks for far more than it may. Its place is not kept: its limits would begin anew.
  mutating func banish(_ sid: String, turn: inout Turn) {
    turn.counters.clientsBanished += 1
    // RFC 6455 §7.4.1: policy violation.
    remove(sid, reason: .participantRemoved, leave: .disconnect, code: 1008, turn: &turn)
  }

  /// Takes someone out of the room.
  /// - Parameters:
  ///   - leave: what the client is told to do next. Nil when it went by itself.
  ///   - code: of the WebSocket's end.
  mutating func remove(
    _ sid: String, reason: Livekit_DisconnectReason, leave: Livekit_LeaveRequest.Action?, code: UInt16 = 1000,
    turn: inout Turn
  ) {
    guard let leaving = participants[sid] else { return }
    var affected: Set<String> = []
    for track in leaving.tracks { affected.formUnion(unpublish(track.id, of: sid, turn: &turn)) }
    guard var participant = participants.removeValue(forKey: sid) else { return }
    order.removeAll { $0 == sid }
    if sidsByIdentity[participant.identity] == sid { sidsByIdentity[participant.identity] = nil }
    turn.loopLoads[safe: media.loop] -= 1
    turn.locals[sid] = nil

    participant.state = .disconnected
    participant.disconnectReason = reason
    participant.version &+= 1
    if let session = participant.session {
      turn.sessions[session] = nil
      if let leave { turn.send(.leave(.init(reason, action: leave)), to: session) }
      turn.emit(.close(session, code: code, reason: "left the room: \(reason)"))
    }
    // After the word of leave: a client takes a transport that closes by itself for a failure.
    for transport in [leaving.answering?.transport?.id, leaving.offering?.transportID].compactMap({ $0 }) {
      turn.transports[transport] = nil
      turn.emit(.closeTransport(transport), on: media)
    }
    announce(participant, includesSelf: false, turn: &turn)
    turn.emit(.participantLeft(info, participant.info))
    if participant.isLocal, leave != nil { turn.emit(.localRemoved(participantSID: sid, reason)) }
    if !participant.isDependent, participants.values.allSatisfy(\.isDependent) { emptySince = turn.now }
    negotiate(order.filter(affected.contains), turn: &turn)
  }
}

extension Participant {
  init(_ intent: JoinIntent, session: SessionID, turn: inout Turn) {
    let grants = intent.grants
    let request = intent.query.joinRequest
    self.init(sid: turn.ids.sid("PA_"), identity: grants.identity, isLocal: false, turn: &turn)
    self.session = session
    name = grants.name
    metadata = grants.metadata
    attributes = grants.attributes
    kind = grants.kind
    kindDetails = grants.kindDetails.compactMap(Livekit_ParticipantInfo.KindDetail.init(claim:))
    granted = grants.video.permission
    permission = granted
    clientProtocol = request.clientInfo.clientProtocol
    capabilities = Array(request.clientInfo.capabilities.prefix(turn.limits.capabilities))
    autoSubscribes = request.connectionSettings.autoSubscribe
    if permission.canUpdateMetadata {
      if !request.metadata.isEmpty { metadata = request.metadata }
      attributes.merge(request.participantAttributes) { $1 }
    }
    let origin = WebRTCOrigin(sessionID: turn.ids.word())
    answering = AnsweringConnection(isBidirectional: intent.query.isSinglePeerConnection, origin: origin)
    if !intent.query.isSinglePeerConnection {
      offering = OfferingConnection(
        ice: turn.ids.iceCredentials(), transportID: MediaTransportID(rawValue: turn.ids.number()),
        origin: WebRTCOrigin(sessionID: turn.ids.word()))
    }
  }
}

extension Livekit_ParticipantInfo.KindDetail {
  init?(claim: String) {
    switch claim {
    case "cloud_agent": self = .cloudAgent
    case "forwarded": self = .forwarded
    case "connector_whatsapp": self = .connectorWhatsapp
    case "connector_twilio": self = .connectorTwilio
    case "bridge_rtsp": self = .bridgeRtsp
    case "simulation": self = .simulation
    default: return nil
    }
  }
}

extension Livekit_LeaveRequest {
  init(_ reason: Livekit_DisconnectReason, action: Livekit_LeaveRequest.Action) {
    self.init()
    self.reason = reason
    self.action = action
    canReconnect = action != .disconnect
  }
}

extension RoomServerConfiguration {
  /// The LiveKit protocol whose rules the messages here follow.
  static let protocolVersion: Int32 = 16
  static let agentProtocolVersion: Int32 = 1

  /// What clients and agent workers learn of us.
  public var serverInfo: Livekit_ServerInfo {
    var info = Livekit_ServerInfo()
    info.edition = .standard
    info.version = serverVersion
    info.protocol = Self.protocolVersion
    info.region = region
    info.nodeID = nodeID
    info.agentProtocol = Self.agentProtocolVersion
    return info
  }
}

extension Array where Element == Int {
  /// Zero outside the array, where writing does nothing.
  subscript(safe index: Int) -> Int {
    get { indices.contains(index) ? self[index] : 0 }
    set { if indices.contains(index) { self[index] = newValue } }
  }
}
