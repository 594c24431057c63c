import Base
import LiveKitProtocol
import SDP

/// Offers that the client makes, and the answers to them.
extension Participant {
  /// What an answered offer changed among the participant's own tracks.
  struct OfferOutcome {
    var published: [MediaTrackID] = []
    /// Published before, and on another stream or transport from here on.
    var moved: [MediaTrackID] = []
    var unpublished: [MediaTrackID] = []
  }

  /// Answers the client's offer: opens or restarts the transport, takes what the client sends, gives subscriptions
  /// their sections. Nothing has changed when it throws.
  mutating func answer(
    _ description: Livekit_SessionDescription, media: RoomMedia, turn: inout Turn
  ) throws(SDPError) -> OfferOutcome {
    guard var connection = answering else { return OfferOutcome() }
    let offer = try WebRTCDescription(parsing: description.sdp)
    guard offer.sections.count <= turn.limits.sections else {
      throw SDPError(.tooLarge, "\(offer.sections.count) media sections, expected at most \(turn.limits.sections)")
    }
    guard offer.ice != nil, let fingerprint = offer.fingerprints.first(where: { $0.algorithm == "sha-256" }) else {
      throw SDPError(.malformed, "the offer has no ice-ufrag, ice-pwd or sha-256 fingerprint")
    }
    let transport = transport(
      for: offer, fingerprint: fingerprint.digest, connection: connection, media: media, turn: &turn)
    connection.transport = transport

    let answer = WebRTCAnswer(
      transport: media.description(of: transport.ice, limits: turn.limits),
      codecs: turn.configuration.codecPreference, preferredSetup: transport.isDTLSClient ? .active : .passive)
    let outcome = receive(offer, answer: answer, transport: transport.id, media: media, turn: &turn)
    let outgoing =
      connection.isBidirectional
      ? assignSections(of: offer, answer: answer, connection: &connection, media: media, turn: &turn) : [:]
    let sdp = try answer.build(to: offer, outgoing: outgoing, origin: connection.origin)

    connection.origin.version += 1
    connection.offer = offer
    answering = connection
    var reply = Livekit_SessionDescription()
    reply.type = "answer"
    reply.sdp = sdp.description
    reply.id = description.id
    reply.midToTrackID = outgoing.mapValues(\.msid.track)
    turn.send(.answer(reply), to: session)
    return outcome
  }

  /// The transport that fits the offer: the one there is, restarted, replaced or opened.
  private mutating func transport(
    for offer: WebRTCDescription, fingerprint: [UInt8], connection: AnsweringConnection, media: RoomMedia,
    turn: inout Turn
  ) -> PeerTransport {
    if var transport = connection.transport, transport.remoteFingerprint == fingerprint {
      if let previous = connection.offer, offer.restartsICE(since: previous) {
        transport.ice = turn.ids.iceCredentials()
        turn.emit(
          .restartICE(transport.id, ufrag: transport.ice.usernameFragment, password: transport.ice.password), on: media)
      }
      return transport
    }
    if let old = connection.transport {
      // Another certificate: the client has begun anew with another peer connection.
      turn.emit(.closeTransport(old.id), on: media)
      turn.transports[old.id] = nil
      for index in tracks.indices { tracks[index].receive = nil }
      if connection.isBidirectional { for key in subscriptions.keys { subscriptions[key]?.sending = nil } }
    }
    let transport = PeerTransport(
      id: MediaTransportID(rawValue: turn.ids.number()), ice: turn.ids.iceCredentials(), remoteFingerprint: fingerprint,
      isDTLSClient: offer.setup == .passive)
    turn.open(transport, owner: sid, media: media)
    return transport
  }

  // MARK: What the client sends

  private mutating func receive(
    _ offer: WebRTCDescription, answer: WebRTCAnswer, transport: MediaTransportID, media: RoomMedia, turn: inout Turn
  ) -> OfferOutcome {
    var outcome = OfferOutcome()
    var claimed: Set<MediaTrackID> = []
    for section in offer.sections where section.direction.sends && section.kind == .audio {
      guard answer.accepts(section, of: offer), let sent = answer.clientCodec(section),
        let index = trackIndex(sentOn: section, claimed: claimed)
      else { continue }
      claimed.insert(tracks[index].id)
      let receive = RoomReceiveTrack(
        ssrc: section.ssrcs.first, mid: section.mid, payloadType: sent.rtp.payloadType, codec: sent.codec,
        levelExtensionID: section.audioLevelExtensionID, midExtensionID: section.midExtensionID)
      guard tracks[index].receive != receive else { continue }
      if tracks[index].receive != nil { turn.emit(.unpublishTrack(transport, tracks[index].id), on: media) }
      turn.emit(.publishTrack(transport, tracks[index].id, receive), on: media)
      if tracks[index].info.muted { turn.emit(.setTrackMuted(tracks[index].id, true), on: media) }
      tracks[index].receive = receive
      tracks[index].info.mid = section.mid
      tracks[index].info.mimeType = sent.codec.mimeType
      if tracks[index].isPublished {
        outcome.moved.append(tracks[index].id)
      } else {
        outcome.published.append(tracks[index].id)
      }
      tracks[index].codec = sent.codec
    }
    outcome.unpublished = tracks.filter { $0.isPublished && !claimed.contains($0.id) }.map(\.id)
    return outcome
  }

  /// The announced track that a section sends: by the client's name for it, else by its section, else the only one
  /// that waits for a section.
  private func trackIndex(sentOn section: WebRTCSection, claimed: Set<MediaTrackID>) -> Int? {
    let candidates = tracks.indices.filter { !claimed.contains(tracks[$0].id) }
    if let name = section.msid?.track, let index = candidates.first(where: { tracks[$0].cid == name }) { return index }
    let waiting = candidates.filter { !tracks[$0].isPublished }
    if waiting.count == 1 { return waiting[0] }
    return candidates.first { tracks[$0].isPublished && tracks[$0].info.mid == section.mid }
  }

  // MARK: What the client gets

  /// Gives the subscriptions that wait for one a free section, and says what goes out on which.
  private mutating func assignSections(
    of offer: WebRTCDescription, answer: WebRTCAnswer, connection: inout AnsweringConnection, media: RoomMedia,
    turn: inout Turn
  ) -> [String: OutgoingTrack] {
    let sections = offer.sections.filter {
      $0.kind == .audio && $0.direction.receives && answer.accepts($0, of: offer)
    }
    let transport = connection.transport
    var carried: [String: String] = [:]
    for subscription in orderedSubscriptions {
      guard let mid = subscription.mid else { continue }
      if sections.contains(where: { $0.mid == mid && $0.codec(subscription.codec) != nil }) {
        carried[mid] = subscription.trackSID
      } else {
        stopSending(subscription.trackSID, media: media, turn: &turn)
      }
    }
    let carriedBefore = carried.count
    connection.streams = connection.streams.filter { carried[$0.key] != nil }
    for trackSID in waitingSubscriptions {
      guard let subscription = subscriptions[trackSID] else { continue }
      let usable = sections.filter { $0.codec(subscription.codec) != nil }
      if usable.isEmpty && !sections.isEmpty {
        refuseSubscription(trackSID, .seCodecUnsupported, turn: &turn)
      } else if let section = usable.first(where: {
        carried[$0.mid] == nil && !connection.retired.contains($0.mid)
      }) {
        carried[section.mid] = trackSID
        subscriptions[trackSID]?.mid = section.mid
      }
    }
    noteShortage(hasAssigned: carried.count > carriedBefore, connection: &connection)
    // Answered `inactive` now, so free from the next round on.
    connection.retired = []

    var outgoing: [String: OutgoingTrack] = [:]
    for section in sections {
      guard let trackSID = carried[section.mid], let subscription = subscriptions[trackSID], let transport,
        let codec = section.codec(subscription.codec)
      else { continue }
      let ssrc = connection.streams[section.mid] ?? turn.ids.ssrc()
      connection.streams[section.mid] = ssrc
      outgoing[section.mid] = OutgoingTrack(
        msid: MediaStreamID(participantSID: subscription.publisherSID, trackSID: trackSID), ssrc: ssrc)
      let sending = RoomSendTrack(
        ssrc: ssrc, payloadType: codec.payloadType, codec: subscription.codec, mid: section.mid,
        midExtensionID: section.midExtensionID)
      startSending(trackSID, sending, transport: transport.id, media: media, turn: &turn)
    }
    return outgoing
  }

  /// Remembers whether asking the client for sections was of any use.
  private func noteShortage(hasAssigned: Bool, connection: inout AnsweringConnection) {
    let waiting = waitingSubscriptions.count
    let isInVain = connection.requested != nil && !hasAssigned && connection.retired.isEmpty
    connection.unserved = isInVain ? waiting : min(connection.unserved, waiting)
    connection.requested = nil
  }

  /// Asks for a new offer when subscriptions wait for a section, or a section must go idle. The server cannot offer
  /// here: it says how many sections it misses, and the client offers.
  mutating func requestSections(turn: inout Turn) {
    guard session != nil, var connection = answering, connection.isBidirectional, let offer = connection.offer else {
      return
    }
    let waiting = waitingSubscriptions.count
    guard waiting > 0 || !connection.retired.isEmpty else { return }
    let sections = offer.sections.filter { $0.kind == .audio && $0.direction.receives && !$0.isRejected }.count
    let carried = subscriptions.values.count { $0.mid != nil }
    let free = max(0, sections - carried)
    let room = max(0, turn.limits.sections - offer.sections.count)
    let missing = min(max(0, waiting - free), room)
    // Another offer would change nothing.
    if connection.retired.isEmpty && (waiting <= connection.unserved || free + missing == 0) { return }
    if let requested = connection.requested, missing <= requested { return }
    var requirement = Livekit_MediaSectionsRequirement()
    requirement.numAudios = UInt32(missing - (connection.requested ?? 0))
    connection.requested = missing
    answering = connection
    turn.send(.mediaSectionsRequirement(requirement), to: session)
  }
}

extension RoomMedia {
  func description(of ice: ICECredentials, limits: RoomLimits) -> WebRTCTransport {
    WebRTCTransport(
      ice: ice, fingerprint: Fingerprint(digest: address.fingerprint), candidates: address.candidates,
      maxMessageSize: limits.dataByteCount)
  }
}

extension RoomServerConfiguration {
  /// Ours, that of SIP participants first: their tracks are what most sections carry.
  var codecPreference: [RoomCodec] { codec == .opus ? [.opus, .pcmu] : [.pcmu, .opus] }
}

extension Turn {
  /// Opens a transport of `owner` on the room's media loop.
  mutating func open(_ transport: PeerTransport, owner: String, media: RoomMedia) {
    transports[transport.id] = Owner(room: mediaRooms[media.id] ?? "", participantSID: owner)
    emit(
      .openTransport(
        RoomTransport(
          id: transport.id, room: media.id, localUfrag: transport.ice.usernameFragment,
          localPassword: transport.ice.password, remoteFingerprint: transport.remoteFingerprint,
          isDTLSClient: transport.isDTLSClient)),
      on: media)
  }
}
