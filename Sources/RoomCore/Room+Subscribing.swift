import Base
import LiveKitProtocol

/// Who gets which track.
extension Room {
  /// Notes that a participant wants a track.
  mutating func subscribe(
    _ subscriber: String, to track: PublishedTrack, of publisher: Participant, turn: inout Turn
  ) {
    guard let codec = track.codec, let participant = participants[subscriber] else { return }
    let isAllowed = publisher.allows(track.info.sid, to: participant)
    change(subscriber) {
      var subscription =
        $0.subscriptions[track.info.sid]
        ?? Subscription(
          track: track.id, trackSID: track.info.sid, publisherSID: publisher.sid, codec: codec,
          number: track.id.rawValue, isWanted: true)
      subscription.isWanted = true
      subscription.isAllowed = isAllowed
      $0.subscriptions[track.info.sid] = subscription
    }
    if !isAllowed || !participant.permission.canSubscribe {
      sendPermission(false, trackSID: track.info.sid, of: publisher.sid, to: participant.session, turn: &turn)
    }
  }

  mutating func subscribeToExistingTracks(_ sid: String, turn: inout Turn) {
    guard participants[sid]?.autoSubscribes == true else { return }
    for publisher in orderedParticipants where publisher.sid != sid {
      for track in publisher.tracks where track.isPublished { subscribe(sid, to: track, of: publisher, turn: &turn) }
    }
  }

  mutating func handleSubscription(_ request: Livekit_UpdateSubscription, from sid: String, turn: inout Turn) {
    updateSubscriptions(
      of: sid, trackSIDs: request.trackSids + request.participantTracks.flatMap(\.trackSids),
      isWanted: request.subscribe, turn: &turn)
  }

  mutating func updateSubscriptions(of sid: String, trackSIDs: [String], isWanted: Bool, turn: inout Turn) {
    for trackSID in trackSIDs.prefix(turn.limits.participantsPerRoom * 2) {
      guard isWanted else {
        participants[sid]?.subscriptions[trackSID]?.isWanted = false
        continue
      }
      if let publisher = publisher(ofTrack: trackSID), publisher.sid != sid,
        let index = publisher.trackIndex(sid: trackSID), publisher.tracks[index].isPublished
      {
        subscribe(sid, to: publisher.tracks[index], of: publisher, turn: &turn)
      } else {
        change(sid) { $0.refuseSubscription(trackSID, .seTrackNotfound, turn: &turn) }
      }
    }
    negotiate([sid], turn: &turn)
  }

  /// A publisher says who may subscribe to its tracks.
  mutating func handleSubscriptionPermission(
    _ request: Livekit_SubscriptionPermission, from sid: String, turn: inout Turn
  ) {
    let permission = SubscriptionPermission(request, limit: turn.limits.participantsPerRoom)
    participants[sid]?.subscriptionPermission = permission
    guard let publisher = participants[sid] else { return }
    var affected: [String] = []
    for track in publisher.tracks where track.isPublished {
      for other in order {
        guard let participant = participants[other], let subscription = participant.subscriptions[track.info.sid]
        else { continue }
        let isAllowed = publisher.allows(track.info.sid, to: participant)
        guard isAllowed != subscription.isAllowed else { continue }
        participants[other]?.subscriptions[track.info.sid]?.isAllowed = isAllowed
        sendPermission(isAllowed, trackSID: track.info.sid, of: sid, to: participant.session, turn: &turn)
        affected.append(other)
      }
    }
    negotiate(affected, turn: &turn)
  }

  private func sendPermission(
    _ isAllowed: Bool, trackSID: String, of publisherSID: String, to session: SessionID?, turn: inout Turn
  ) {
    var update = Livekit_SubscriptionPermissionUpdate()
    update.participantSid = publisherSID
    update.trackSid = trackSID
    update.allowed = isAllowed
    turn.send(.subscriptionPermissionUpdate(update), to: session)
  }

  mutating func handleTrackSettings(_ settings: Livekit_UpdateTrackSettings, from sid: String, turn: inout Turn) {
    let media = media
    change(sid) {
      for trackSID in settings.trackSids.prefix(turn.limits.participantsPerRoom) {
        $0.setDisabled(settings.disabled, trackSID: trackSID, media: media, turn: &turn)
      }
    }
  }

  // MARK: Telling publishers

  /// Tells publishers that a participant gets their tracks, as far as it does and they do not know.
  mutating func reportSubscriptions(of sid: String, turn: inout Turn) {
    guard let participant = participants[sid], participant.dataTransport?.isConnected == true else { return }
    for subscription in participant.orderedSubscriptions where subscription.sending != nil {
      reportSubscribed(subscription.track, of: subscription.publisherSID, turn: &turn)
    }
  }

  mutating func reportSubscribed(_ id: MediaTrackID, of sid: String, turn: inout Turn) {
    guard let index = participants[sid]?.trackIndex(id: id), let track = participants[sid]?.tracks[index],
      !track.isReportedSubscribed
    else { return }
    participants[sid]?.tracks[index].isReportedSubscribed = true
    var message = Livekit_TrackSubscribed()
    message.trackSid = track.info.sid
    turn.send(.trackSubscribed(message), to: participants[sid]?.session)
  }
}

extension Participant {
  /// Whether this publisher lets `subscriber` have the track. Recorders get everything.
  func allows(_ trackSID: String, to subscriber: Participant) -> Bool {
    subscriber.permission.recorder
      || subscriptionPermission?.allows(trackSID, identity: subscriber.identity, sid: subscriber.sid) ?? true
  }
}
