import Base
import LiveKitProtocol
import RoomCore
import SDP

/// What the server says.
extension RoomSession {
  mutating func receive(_ response: Livekit_SignalResponse) {
    socket?.heardAt = now
    switch response.message {
    case .join(let join): if state == .connecting, purpose == .join { joined(join) }
    case .reconnect(let answer): if state == .connecting, purpose == .resume { resumed(answer) }
    case .leave(let leave): left(leave)
    case .refreshToken(let token): self.token = token
    case .answer(let answer): accept(answer: answer)
    case .offer(let offer): accept(offer: offer)
    case .trickle(let trickle): receive(trickle)
    case .mediaSectionsRequirement(let wanted): addSections(Int(wanted.numAudios))
    case .update(let update):
      for info in update.participants { note(info) }
      followRoster()
    case .trackPublished(let published):
      if published.cid == publisher?.clientTrackID { trackSID = published.track.sid }
    case .trackUnpublished(let news): if news.trackSid == trackSID { stopVoice(nil) }
    case .mute(let request): if request.sid == trackSID { setMuted(request.muted) }
    case .subscriptionResponse(let response):
      // Asked for too early, or of a codec that is not ours: perhaps when there is news of it.
      if response.err != .seUnknown { subscribed.remove(response.trackSid) }
    case .requestResponse(let response): receive(response)
    case .roomMoved(let move): follow(move)
    case .pong, .pongResp, .speakersChanged, .roomUpdate, .connectionQuality, .subscriptionPermissionUpdate,
      .trackSubscribed, nil:
      break
    }
  }

  // MARK: In the room

  private mutating func joined(_ join: Livekit_JoinResponse) {
    guard !join.participant.sid.isEmpty else { return attemptFailed("\(url) names no participant of ours") }
    let isFirst = !hasJoined
    for end in [publisher?.end, subscriber?.end].compactMap(\.self) { emit(.closeTransport(end.transport)) }
    tracks = [:]
    subscribed = []
    trackSID = ""
    roster.removeAll()
    if !isFirst { box.restart() }
    participantSID = join.participant.sid
    info = join.participant
    setPings(interval: join.pingInterval, timeout: join.pingTimeout)
    note(join.iceServers, join.clientConfiguration)
    noteOthers(join.otherParticipants)
    hasAskedForRegions = false
    state = .live
    socket?.pingedAt = now
    mediaAwaitedSince = now
    emit(isFirst ? .joined(participantSID: participantSID) : .rejoined(participantSID: participantSID))
    (publisher, subscriber) = (nextPublisher, nextSubscriber)
    (nextPublisher, nextSubscriber, nextTransports) = (nil, nil, [])
    if !usesOnePeerConnection { publish() }
    pendingAttributes = differences(of: join.participant.attributes)
    sendAttributes()
    followRoster()
  }

  private mutating func resumed(_ answer: Livekit_ReconnectResponse) {
    state = .live
    socket?.pingedAt = now
    note(answer.iceServers, answer.clientConfiguration)
    note(.resumed(afterMilliseconds: lostSince.map { (now - $0).wholeMilliseconds } ?? 0))
    send(.syncState(syncState))
    sendAttributes()
    if publisher?.end.isFailed == true || subscriber?.end.isFailed == true {
      return lose("the media is gone", then: .join)
    }
    if isMediaUp, isOpen(DataLabel.reliable) {
      for packet in box.unseen(after: answer.lastMessageSeq) { sendData(packet) }
    } else {
      box.holdBack(after: answer.lastMessageSeq)
    }
    if !isMediaUp { repairAt = now + configuration.repairInterval }
    publisher?.forgetOffer()
    // The subscriber's side the server begins anew.
    sendOffer(restartsICE: publisher?.end.remote != nil)
    settle()
  }

  private var syncState: Livekit_SyncState {
    var state = Livekit_SyncState()
    state.subscription.trackSids = subscribed.sorted()
    state.subscription.subscribe = true
    if !trackSID.isEmpty, let publisher {
      var published = Livekit_TrackPublishedResponse()
      published.cid = publisher.clientTrackID
      published.track.sid = trackSID
      published.track.type = .audio
      published.track.source = .microphone
      state.publishTracks = [published]
    }
    state.datachannelReceiveStates = box.receiveStates
    return state
  }

  /// Reflexive addresses are learnt from the server itself: STUN servers have nothing to add.
  private mutating func note(_ servers: [Livekit_ICEServer], _ wishes: Livekit_ClientConfiguration) {
    let all = servers.lazy.flatMap { server in
      server.urls.lazy.compactMap { ICEServerURL(parsing: $0) }.filter { $0.scheme == .turn || $0.scheme == .turns }
        .map { RoomICEServer(url: $0, username: server.username, password: server.credential) }
    }
    iceServers = Array(all.prefix(configuration.limits.relays))
    mustRelay = wishes.forceRelay == .enabled && !iceServers.isEmpty
  }

  private mutating func setPings(interval: Int32, timeout: Int32) {
    if interval > 0 { pingInterval = .seconds(Int64(min(interval, 60))) }
    if timeout > 0 { pingTimeout = .seconds(Int64(min(timeout, 120))) }
    pingTimeout = max(pingTimeout, pingInterval * 2)
  }

  /// Our own former self may still be there after we joined anew.
  private mutating func noteOthers(_ others: [Livekit_ParticipantInfo]) {
    for other in others where other.identity != entry.identity { roster.note(other) }
  }

  private mutating func follow(_ move: Livekit_RoomMovedResponse) {
    guard state == .live else { return }
    if !move.token.isEmpty { token = move.token }
    entry.roomName = move.room.name
    participantSID = move.participant.sid.isEmpty ? participantSID : move.participant.sid
    info = move.participant
    roster.removeAll()
    subscribed = []
    noteOthers(move.otherParticipants)
    emit(.moved(room: entry.roomName, participantSID: participantSID))
    followRoster()
  }

  // MARK: Out of it

  private mutating func left(_ leave: Livekit_LeaveRequest) {
    let urls = leave.regions.regions.compactMap { RoomServerURL($0.url) }
    if !urls.isEmpty { use(urls) }
    let reason = "the server ended the session: \(leave.reason)"
    switch leave.end {
    case .roomDeleted: hasJoined ? end(.roomDeleted, or: reason) : end(.joinFailed(.refused(reason)), or: reason)
    case .removed: hasJoined ? end(.removed(leave.reason), or: reason) : end(.joinFailed(.refused(reason)), or: reason)
    case .resume where state == .live: lose(reason, then: .resume)
    case .resume, .rejoin:
      if state == .live {
        lose(reason, then: .join)
        if !urls.isEmpty { useNextRegion() }
      } else if purpose == .resume {
        // It has forgotten us: no reason to wait.
        purpose = .join
        dropSocket()
        state = .pausing(until: now)
      } else if !hasJoined, !leave.mayTryAgain {
        end(.joinFailed(.refused(reason)), or: reason)
      } else {
        attemptFailed(reason)
      }
    }
  }

  // MARK: Others, and we as the server sees us

  private mutating func note(_ news: Livekit_ParticipantInfo) {
    guard news.sid == participantSID else {
      // Our own former self, still there after we joined anew, is nobody.
      if news.identity != entry.identity { roster.note(news) }
      return
    }
    guard news.version >= info.version, news.state != .disconnected else { return }
    let mayPublish = info.permission.canPublish || !info.hasPermission
    info = news
    for (name, value) in pendingAttributes where news.attributes[name] ?? "" == value { pendingAttributes[name] = nil }
    let attributes = news.attributes.merging(pendingAttributes) { $1 }.filter { !$0.value.isEmpty }
    if attributes != entry.attributes {
      entry.attributes = attributes
      emit(.attributes(attributes))
    }
    if !mayPublish, news.permission.canPublish, trackSID.isEmpty { publish() }
  }

  /// Asks for the tracks that are new, and tells of who is there.
  mutating func followRoster() {
    let known = roster.tracks
    subscribed.formIntersection(known.map(\.track))
    var wanted: [String: [String]] = [:]
    for (publisher, track) in known where !subscribed.contains(track) {
      guard subscribed.count < configuration.limits.subscriptions else { break }
      subscribed.insert(track)
      wanted[publisher, default: []].append(track)
    }
    if !wanted.isEmpty, state == .live {
      var request = Livekit_UpdateSubscription()
      request.subscribe = true
      for publisher in wanted.keys.sorted() {
        var tracks = Livekit_ParticipantTracks()
        tracks.participantSid = publisher
        tracks.trackSids = (wanted[publisher] ?? []).sorted()
        request.participantTracks.append(tracks)
      }
      send(.subscription(request))
    }
    reportPresence()
  }

  mutating func reportPresence() {
    let presence = roster.presence(audible: Set(tracks.values.lazy.filter(\.isActive).map(\.sid)))
    guard presence != reported else { return }
    reported = presence
    emit(.changed(presence))
  }

  private mutating func receive(_ response: Livekit_RequestResponse) {
    switch response.reason {
    case .ok, .queued: break
    default:
      note(.refused("\(response.reason): \(response.message.prefix(200))"))
      if case .addTrack = response.request { stopVoice(response.message) }
    }
  }

  // MARK: Attributes

  mutating func setAttributes(_ values: [String: String]) {
    entry.attributes = entry.attributes.merging(values) { $1 }.filter { !$0.value.isEmpty }
    pendingAttributes.merge(values) { $1 }
    sendAttributes(values)
  }

  private func differences(of attributes: [String: String]) -> [String: String] {
    entry.attributes.filter { attributes[$0.key] != $0.value }
      .merging(attributes.lazy.filter { entry.attributes[$0.key] == nil }.map { ($0.key, "") }) { first, _ in first }
  }

  private mutating func sendAttributes() { sendAttributes(pendingAttributes) }

  private mutating func sendAttributes(_ values: [String: String]) {
    guard state == .live, !values.isEmpty else { return }
    requestID &+= 1
    var request = Livekit_UpdateParticipantMetadata()
    request.attributes = values
    request.metadata = info.metadata
    request.name = info.name
    request.requestID = requestID
    send(.updateMetadata(request))
  }
}

extension Livekit_LeaveRequest {
  fileprivate enum End { case roomDeleted, removed, resume, rejoin }

  /// What a participant that wants to stay makes of it. Servers before protocol 13 say `can_reconnect` alone.
  fileprivate var end: End {
    switch (action, reason) {
    case (.resume, _): .resume
    case (.reconnect, _): .rejoin
    case (_, .roomDeleted), (_, .roomClosed): canReconnect ? .rejoin : .roomDeleted
    // The server's or the network's doing, whatever the action: the call goes on elsewhere.
    case (_, .serverShutdown), (_, .stateMismatch), (_, .joinFailure), (_, .migration), (_, .signalClose),
      (_, .connectionTimeout), (_, .mediaFailure):
      .rejoin
    default: canReconnect ? .rejoin : .removed
    }
  }

  fileprivate var mayTryAgain: Bool { action != .disconnect || canReconnect || reason == .serverShutdown }
}
