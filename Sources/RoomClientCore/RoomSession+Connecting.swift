import Base
import LiveKitProtocol
import RoomCore

/// From one connection to the next.
extension RoomSession {
  /// Audio sections for others' tracks in a first offer, as the stock clients have it.
  static let firstReceptionCount = 3
  /// The LiveKit protocol whose rules the messages here follow.
  static let protocolVersion: Int32 = 16

  mutating func start() {
    guard state == .new else { return }
    startedAt = now
    emit(.openRoom(media.room))
    prepare()
  }

  private mutating func prepare() {
    state = .preparing
    nextTransports = (0..<(usesOnePeerConnection ? 1 : 2)).map { _ in MediaTransportID(rawValue: makeNumber()) }
    emit(.prepare(nextTransports))
  }

  mutating func prepared(_ token: String?, _ ports: [MediaTransportID: [Endpoint]]) {
    guard state == .preparing else { return }
    if entry.token.isEmpty {
      guard let token else {
        return end(.joinFailed(.refused("no token could be made")), or: "no token could be made")
      }
      self.token = token
    }
    let ends = nextTransports.compactMap { id in
      ports[id].map { ConnectionEnd(transport: id, ports: $0, random: &random) }
    }
    guard ends.count == nextTransports.count, let first = ends.first else {
      return attemptFailed("no UDP port is free for the media of the room")
    }
    nextPublisher = OfferedConnection(
      end: first, receptionCount: usesOnePeerConnection ? Self.firstReceptionCount : 0, random: &random)
    nextSubscriber = ends.count > 1 ? AnsweredConnection(end: ends[1]) : nil
    connect()
  }

  /// What was prepared is not needed.
  private mutating func abandon() {
    for transport in nextTransports { emit(.closeTransport(transport)) }
    nextTransports = []
    nextPublisher = nil
    nextSubscriber = nil
  }

  // MARK: The request

  private mutating func connect() {
    state = .connecting
    let request = purpose == .join ? joinRequest() : resumeRequest()
    let query = SignalQuery(joinRequest: request, isSinglePeerConnection: usesOnePeerConnection)
    open(RoomSocketTarget(url: url, path: url.pathPrefix + query.target, token: token))
  }

  private mutating func joinRequest() -> Livekit_JoinRequest {
    var request = request()
    let byteCount = entry.attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    if byteCount <= configuration.limits.queryAttributesByteCount { request.participantAttributes = entry.attributes }
    guard usesOnePeerConnection, var connection = nextPublisher else { return request }
    request.addTrackRequests = [announcement(of: connection)]
    request.publisherOffer = connection.offer(
      media, codec: configuration.codec, restartsICE: false, random: &random, now: now)
    nextPublisher = connection
    return request
  }

  private func resumeRequest() -> Livekit_JoinRequest {
    var request = request()
    request.reconnect = true
    request.reconnectReason = isMediaLost ? .rrPublisherFailed : .rrSignalDisconnected
    request.participantSid = participantSID
    return request
  }

  private func request() -> Livekit_JoinRequest {
    var request = Livekit_JoinRequest()
    request.clientInfo.version = configuration.version
    request.clientInfo.protocol = Self.protocolVersion
    request.clientInfo.os = "linux"
    // Audio alone is wanted: each track is asked for.
    request.connectionSettings.autoSubscribe = false
    return request
  }

  /// Our one track: the caller's voice, named for the caller as LiveKit's bridge has it.
  func announcement(of connection: OfferedConnection) -> Livekit_AddTrackRequest {
    var request = Livekit_AddTrackRequest()
    request.cid = connection.clientTrackID
    request.name = entry.identity
    request.type = .audio
    request.source = .microphone
    request.muted = isMuted
    request.disableRed = true
    return request
  }

  // MARK: What becomes of it

  mutating func opened(_ id: RoomSocketID) {
    guard id == socket?.id else { return }
    socket?.isOpen = true
    socket?.heardAt = now
  }

  /// The server answered with an HTTP status.
  mutating func refused(_ status: Int, _ reason: String) {
    guard state == .connecting else { return }
    let sentence = "\(url) answered \(status)" + (reason.isEmpty ? "" : ": \(reason.prefix(200))")
    if status == 404, usesOnePeerConnection, purpose == .join {
      usesOnePeerConnection = false
      note(.usesTwoPeerConnections)
      dropSocket()
      abandon()
      return prepare()
    }
    let isForNow = status >= 500 || status == 408 || status == 429
    if purpose == .resume, !isForNow { purpose = .join }
    if !hasJoined, !isForNow || Self.meansFull(reason) {
      let fault: RoomClientFault = Self.meansFull(reason) ? .roomFull : .refused(sentence)
      return end(.joinFailed(fault), or: sentence)
    }
    attemptFailed(sentence)
  }

  static func meansFull(_ reason: String) -> Bool {
    let text = reason.lowercased()
    return text.contains("room is full") || text.contains("max participants")
  }

  var hasJoined: Bool { !participantSID.isEmpty }

  mutating func closed(_ reason: String) {
    switch state {
    case .connecting: attemptFailed("\(url) cannot be reached: \(reason)")
    case .live:
      lose("the connection to \(url) ended: \(reason)", then: mediaFailure == nil ? .resume : .join)
    case .new, .preparing, .pausing, .leaving, .ended: break
    }
  }

  /// The connection, or what it was for, is gone: the next one is made at once, if not by all sessions in one moment.
  mutating func lose(_ reason: String, then purpose: Purpose) {
    note(.connectionLost(reason: reason))
    lastReason = reason
    self.purpose = hasJoined ? purpose : .join
    repairAt = nil
    mediaFailure = nil
    mediaAwaitedSince = nil
    dropSocket()
    abandon()
    if lostSince == nil {
      lostSince = now
      attempt = 0
      state = .pausing(until: now + .milliseconds(Int64.random(in: 0...250, using: &random)))
    } else {
      attempt += 1
      pause()
    }
  }

  mutating func attemptFailed(_ reason: String) {
    attempt += 1
    lastReason = reason
    note(.attemptFailed(reason: reason, attempt: attempt))
    dropSocket()
    abandon()
    if url.isCloud, !hasAskedForRegions {
      hasAskedForRegions = true
      emit(.findRegions(home, token: token))
    } else {
      useNextRegion()
    }
    pause()
  }

  /// As the Go SDK: n² × 300 ms; 5 s at most, and each session at a time of its own.
  private mutating func pause() {
    let longest = min(300 * Int64(attempt * attempt), 5_000)
    state = .pausing(until: now + .milliseconds(Int64.random(in: longest / 2...longest, using: &random)))
  }

  mutating func dropSocket() {
    guard let socket else { return }
    emit(.disconnect(socket.id))
    self.socket = nil
  }

  // MARK: Regions

  mutating func found(_ urls: [RoomServerURL]) {
    use(urls)
    if case .pausing = state { useNextRegion() }
  }

  mutating func use(_ urls: [RoomServerURL]) {
    regions = Array(urls.filter { $0 != url }.prefix(configuration.limits.regions))
  }

  /// A participant is known where it joined: only one that joins anew may do so elsewhere.
  mutating func useNextRegion() {
    guard purpose == .join else { return }
    url = regions.isEmpty ? home : regions.removeFirst()
  }

  // MARK: Time

  mutating func tick() {
    if isTooLate() { return }
    switch state {
    case .pausing(let until): if now >= until { tryAgain() }
    case .connecting: watchConnecting()
    case .live: watchLive()
    case .new, .preparing, .leaving, .ended: break
    }
  }

  private mutating func isTooLate() -> Bool {
    if !hasJoined, now - startedAt >= configuration.joinTimeout {
      let waited = configuration.joinTimeout.wholeMilliseconds / 1_000
      let sentence = lastReason.isEmpty ? "\(url) did not let the call in within \(waited) s" : lastReason
      end(.joinFailed(.unreachable(sentence)), or: sentence)
      return true
    }
    if hasJoined, let lostSince, now - lostSince >= configuration.reconnectTimeout {
      end(.lost(reason: lastReason), or: lastReason)
      return true
    }
    return false
  }

  private mutating func tryAgain() {
    if purpose == .resume, let lostSince, now - lostSince >= configuration.resumeWindow { purpose = .join }
    if purpose == .join { prepare() } else { connect() }
  }

  private mutating func watchConnecting() {
    guard let socket, now - socket.openedAt >= configuration.connectTimeout else { return }
    attemptFailed("\(url) did not answer within \(configuration.connectTimeout.wholeMilliseconds / 1_000) s")
  }

  private mutating func watchLive() {
    guard let socket else { return }
    if now - socket.heardAt >= pingTimeout {
      return lose("nothing was heard from \(url) for \(pingTimeout.wholeMilliseconds / 1_000) s", then: .resume)
    }
    if now - socket.pingedAt >= pingInterval { ping() }
    if let failure = mediaFailure, now - failure.at >= configuration.leavePatience {
      return lose(failure.reason, then: .join)
    }
    let patience = configuration.mediaTimeout
    if let since = mediaAwaitedSince, now - since >= patience {
      return lose("no media within \(patience.wholeMilliseconds / 1_000) s", then: .join)
    }
    if let since = publisher?.awaitingAnswerSince, now - since >= patience {
      return lose("an offer was not answered within \(patience.wholeMilliseconds / 1_000) s", then: .join)
    }
    if let repairAt, now >= repairAt { repair("the media is still interrupted") }
  }

  private mutating func ping() {
    socket?.pingedAt = now
    var ping = Livekit_Ping()
    ping.timestamp = (now - .zero).wholeMilliseconds
    send(.pingReq(ping))
  }

  // MARK: The end

  mutating func leave(_ reason: Livekit_DisconnectReason) {
    if state == .live, isMediaUp, let dataSentAt, now - dataSentAt < configuration.dataPatience {
      state = .leaving(until: dataSentAt + configuration.dataPatience, reason)
      return
    }
    if state == .connecting, socket?.isOpen == false {
      // Perhaps the server is letting it in, and would keep it for a while if nothing more were said.
      state = .leaving(until: now + configuration.connectTimeout, reason)
      return abandon()
    }
    sayFarewell(reason)
  }

  /// What happens while the last packets are on their way is of no interest, but for the WebSocket.
  mutating func linger(_ until: MonotonicTime, _ reason: Livekit_DisconnectReason, _ input: RoomClientInput) {
    switch input {
    case .leave: sayFarewell(reason)
    case .tick where now >= until: sayFarewell(reason)
    case .socketOpened(let id) where id == socket?.id:
      opened(id)
      sayFarewell(reason)
    case .socketRefused(let id, _, _) where id == socket?.id, .socketClosed(let id, _) where id == socket?.id: finish()
    default: break
    }
  }

  private mutating func sayFarewell(_ reason: Livekit_DisconnectReason) {
    if socket?.isOpen == true {
      var leave = Livekit_LeaveRequest()
      leave.reason = reason
      leave.action = .disconnect
      send(.leave(leave))
    }
    finish()
  }

  /// Ends with `event`, or, where the call has been in the room, with the loss that `reason` tells of.
  mutating func end(_ event: RoomClientEvent, or reason: String) {
    if case .joinFailed = event, hasJoined {
      finish(.lost(reason: reason))
    } else {
      finish(event)
    }
  }

  private mutating func finish(_ event: RoomClientEvent? = nil) {
    // After the word of leave: a server takes a transport that closes by itself for a failure.
    dropSocket()
    abandon()
    if state != .new { emit(.closeRoom(media.room)) }
    if let event { emit(event) }
    state = .ended
  }
}
