import Base
import LiveKitProtocol
import SDP

/// Offers that we make: the subscriber's connection of a client with two peer connections.
extension Participant {
  /// Offers what the participant is to get now. Waits for the answer to an earlier offer.
  mutating func offer(restartsICE: Bool = false, media: RoomMedia, turn: inout Turn) {
    guard session != nil, var connection = offering else { return }
    guard connection.awaitingAnswerSince == nil else {
      offering?.isStale = true
      return
    }
    connection.isStale = false
    if restartsICE, var transport = connection.transport {
      connection.ice = turn.ids.iceCredentials()
      transport.ice = connection.ice
      connection.transport = transport
      turn.emit(
        .restartICE(transport.id, ufrag: transport.ice.usernameFragment, password: transport.ice.password), on: media)
    }
    assignSections(of: &connection, turn: &turn)

    var sections: [WebRTCOffer.Section] = [.application(mid: connection.applicationMID)]
    var description = Livekit_SessionDescription()
    for index in connection.sections.indices {
      let section = connection.sections[index]
      var track: OutgoingTrack?
      if case .carries(let trackSID) = section.use, let subscription = subscriptions[trackSID] {
        track = OutgoingTrack(
          msid: MediaStreamID(participantSID: subscription.publisherSID, trackSID: trackSID), ssrc: section.ssrc)
        description.midToTrackID[section.mid] = trackSID
      } else if section.use == .retired {
        connection.sections[index].use = .retiring
      }
      sections.append(.audio(mid: section.mid, track: track))
    }
    let builder = WebRTCOffer(
      transport: media.description(of: connection.ice, limits: turn.limits), codecs: turn.configuration.codecPreference,
      setup: connection.transport.map { $0.isDTLSClient ? .active : .passive } ?? .actpass)
    description.type = "offer"
    description.sdp = builder.build(sections, origin: connection.origin).description
    connection.origin.version += 1
    connection.offerID += 1
    description.id = connection.offerID
    connection.awaitingAnswerSince = turn.now
    offering = connection
    turn.send(.offer(description), to: session)
  }

  private mutating func assignSections(of connection: inout OfferingConnection, turn: inout Turn) {
    for trackSID in waitingSubscriptions {
      if let index = connection.freeSection(for: trackSID) {
        connection.sections[index].carry(trackSID, ids: &turn.ids)
        subscriptions[trackSID]?.mid = connection.sections[index].mid
      } else if connection.sections.count + 1 < turn.limits.sections {
        var section = OfferingConnection.Section(mid: String(connection.sections.count + 1))
        section.carry(trackSID, ids: &turn.ids)
        connection.sections.append(section)
        subscriptions[trackSID]?.mid = section.mid
      } else {
        refuseSubscription(trackSID, .seUnknown, turn: &turn)
      }
    }
  }

  /// The client's answer to our last offer.
  mutating func accept(
    _ description: Livekit_SessionDescription, media: RoomMedia, turn: inout Turn
  ) throws(SDPError) {
    // Clients that do not echo the id of the offer say 0.
    guard var connection = offering, connection.awaitingAnswerSince != nil,
      description.id == connection.offerID || description.id == 0
    else { return }
    let answer = try WebRTCDescription(parsing: description.sdp)
    if connection.transport == nil {
      guard let fingerprint = answer.fingerprints.first(where: { $0.algorithm == "sha-256" }) else {
        throw SDPError(.malformed, "the answer has no sha-256 fingerprint")
      }
      let transport = PeerTransport(
        id: connection.transportID, ice: connection.ice, remoteFingerprint: fingerprint.digest,
        isDTLSClient: answer.setup == .passive)
      turn.open(transport, owner: sid, media: media)
      connection.transport = transport
    }
    connection.awaitingAnswerSince = nil
    offering = connection
    for index in connection.sections.indices {
      let section = connection.sections[index]
      switch section.use {
      case .carries(let trackSID):
        // A section added while this answer was on its way is not in it yet.
        guard let answered = answer.section(mid: section.mid) else { continue }
        start(trackSID, on: section, answered: answered, media: media, turn: &turn)
      case .retiring: offering?.sections[index].use = .free
      case .free, .retired: break
      }
    }
    if connection.isStale { offer(media: media, turn: &turn) }
  }

  private mutating func start(
    _ trackSID: String, on section: OfferingConnection.Section, answered: WebRTCSection, media: RoomMedia,
    turn: inout Turn
  ) {
    guard let subscription = subscriptions[trackSID], let transport = offering?.transport else { return }
    guard !answered.isRejected, answered.direction.receives, let codec = answered.codec(subscription.codec) else {
      refuseSubscription(trackSID, .seCodecUnsupported, turn: &turn)
      stopSending(trackSID, media: media, turn: &turn)
      return
    }
    let sending = RoomSendTrack(
      ssrc: section.ssrc, payloadType: codec.payloadType, codec: subscription.codec, mid: section.mid,
      midExtensionID: answered.midExtensionID)
    startSending(trackSID, sending, transport: transport.id, media: media, turn: &turn)
  }
}
