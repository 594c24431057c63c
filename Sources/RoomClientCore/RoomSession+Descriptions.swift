import Base
import LiveKitProtocol
import RoomCore
import SDP

/// Offers and answers, and the candidates beside them.
extension RoomSession {
  /// Announces and offers our track.
  mutating func publish() {
    guard let publisher else { return }
    send(.addTrack(announcement(of: publisher)))
    sendOffer(restartsICE: false)
  }

  /// Offers what we want now; waits for the answer to an earlier offer.
  mutating func sendOffer(restartsICE: Bool) {
    guard var connection = publisher, state == .live else { return }
    if connection.awaitingAnswerSince != nil {
      connection.isStale = true
    } else {
      let offer = connection.offer(
        media, codec: configuration.codec, restartsICE: restartsICE, random: &random, now: now)
      send(.offer(offer))
    }
    publisher = connection
  }

  /// The server misses sections for tracks that we asked for, or wants to change what it sends on those there are.
  mutating func addSections(_ count: Int) {
    guard publisher?.isBidirectional == true else { return }
    let room = configuration.limits.sections - (publisher?.receptionCount ?? 0)
    for _ in 0..<max(0, min(count, room)) { publisher?.addReception() }
    sendOffer(restartsICE: false)
  }

  mutating func accept(answer message: Livekit_SessionDescription) {
    guard var connection = publisher, connection.awaits(message) else { return }
    guard let answer = try? WebRTCDescription(parsing: message.sdp), isUsable(answer, after: connection.end.remote)
    else { return lose("the server's answer cannot be used", then: .join) }
    let isFirst = connection.end.remote == nil
    let restarts = connection.accept(answer)
    publisher = connection
    let isOpen = isFirst ? open(connection.end, answer, isOfferer: true) : true
    guard isOpen else { return lose("the server's answer has no certificate that we can check", then: .join) }
    if isFirst { publisher?.end.earlyCandidates = [] }
    if restarts { restartICE(connection.end, answer, isOfferer: true) }
    sendVoice(answer)
    if connection.isBidirectional {
      receiveTracks(
        answer.sections.compactMap { section in
          incoming(section, named: message.midToTrackID[section.mid], accepts: section.direction.sends)
        }, on: connection.end.transport)
    }
    if publisher?.isStale == true { sendOffer(restartsICE: false) }
  }

  mutating func accept(offer message: Livekit_SessionDescription) {
    guard var connection = subscriber, state == .live else { return }
    guard let offer = try? WebRTCDescription(parsing: message.sdp), isUsable(offer, after: connection.end.remote),
      offer.sections.count <= 4 * configuration.limits.sections
    else { return lose("the server's offer cannot be used", then: .join) }
    let isFirst = connection.end.remote == nil
    guard let (sdp, builder, restarts) = try? connection.answer(offer, media, random: &random) else {
      return lose("the server's offer cannot be answered", then: .join)
    }
    subscriber = connection
    let isOpen = isFirst ? open(connection.end, offer, isOfferer: false) : true
    guard isOpen else { return lose("the server's offer has no certificate that we can check", then: .join) }
    if isFirst { subscriber?.end.earlyCandidates = [] }
    if restarts { restartICE(connection.end, offer, isOfferer: false) }
    receiveTracks(
      offer.sections.compactMap { section in
        incoming(
          section, named: message.midToTrackID[section.mid],
          accepts: section.direction.sends && builder.accepts(section, of: offer))
      }, on: connection.end.transport)
    var answer = Livekit_SessionDescription()
    answer.type = "answer"
    answer.sdp = sdp
    answer.id = message.id
    send(.answer(answer))
  }

  /// A later description of another certificate is one of another server.
  private func isUsable(_ description: WebRTCDescription, after previous: WebRTCDescription?) -> Bool {
    guard description.ice != nil, description.sha256 != nil else { return false }
    return previous.map { $0.sha256 == description.sha256 } ?? true
  }

  private mutating func open(_ end: ConnectionEnd, _ remote: WebRTCDescription, isOfferer: Bool) -> Bool {
    guard let fingerprint = remote.sha256, var peer = end.peer(remote, isOfferer: isOfferer) else { return false }
    peer.candidates += end.earlyCandidates
    peer.isRelayed = mustRelay
    emit(
      .openTransport(
        RoomTransport(
          id: end.transport, room: media.room, localUfrag: end.ice.usernameFragment, localPassword: end.ice.password,
          remoteFingerprint: fingerprint, isDTLSClient: end.isDTLSClient, peer: peer,
          iceServers: iceServers)))
    return true
  }

  private mutating func restartICE(_ end: ConnectionEnd, _ remote: WebRTCDescription, isOfferer: Bool) {
    emit(
      .restartICE(
        end.transport, ufrag: end.ice.usernameFragment, password: end.ice.password,
        peer: end.peer(remote, isOfferer: isOfferer)))
  }

  // MARK: Candidates

  mutating func receive(_ trickle: Livekit_TrickleRequest) {
    guard let candidate = TrickledCandidate(json: trickle.candidateInit)?.candidate else { return }
    if trickle.target == .subscriber, subscriber != nil {
      subscriber?.end.take(candidate, limit: configuration.limits.candidates)
    } else {
      publisher?.end.take(candidate, limit: configuration.limits.candidates)
    }
    let end = trickle.target == .subscriber ? subscriber?.end ?? publisher?.end : publisher?.end
    if let end, end.remote != nil { emit(.addCandidates(end.transport, [candidate])) }
  }

  /// Tells the server of a way to us that was not in the description.
  mutating func trickle(_ candidate: ICECandidate, of id: MediaTransportID) {
    let isSubscriber = subscriber?.end.transport == id
    guard let end = isSubscriber ? subscriber?.end : publisher?.end, end.transport == id else { return }
    var request = Livekit_TrickleRequest()
    request.target = isSubscriber ? .subscriber : .publisher
    request.candidateInit =
      TrickledCandidate(
        candidate: candidate, mid: isSubscriber ? end.remote?.bundle.first : OfferedConnection.voiceMID,
        mediaLineIndex: 0, usernameFragment: end.ice.usernameFragment
      ).json
    send(.trickle(request))
  }
}

extension ConnectionEnd {
  /// Keeps a candidate that came before the description.
  fileprivate mutating func take(_ candidate: ICECandidate, limit: Int) {
    if remote == nil, earlyCandidates.count < limit { earlyCandidates.append(candidate) }
  }
}

extension WebRTCDescription {
  fileprivate var sha256: [UInt8]? { fingerprints.first { $0.algorithm == "sha-256" }?.digest }
}
