import Base
import LiveKitProtocol
import SDP

/// Tracks: announced, published, muted, gone.
extension Room {
  // MARK: Requests of clients

  mutating func addTrack(_ request: Livekit_AddTrackRequest, of sid: String, turn: inout Turn) {
    guard let participant = participants[sid] else { return }
    if let refusal = refusal(of: request, from: participant, limits: turn.limits) {
      var response = Livekit_RequestResponse()
      response.reason = refusal.reason
      response.message = refusal.message
      response.addTrack = request
      turn.send(.requestResponse(response), to: participant.session)
      return
    }
    var published = Livekit_TrackPublishedResponse()
    published.cid = request.cid
    if let known = participant.tracks.first(where: { $0.cid == request.cid }) {
      published.track = known.info
    } else {
      let track = PublishedTrack(request, turn: &turn)
      register(track, of: sid, turn: &turn)
      participants[sid]?.tracks.append(track)
      published.track = track.info
    }
    turn.send(.trackPublished(published), to: participant.session)
  }

  private func refusal(
    of request: Livekit_AddTrackRequest, from participant: Participant, limits: RoomLimits
  ) -> (reason: Livekit_RequestResponse.Reason, message: String)? {
    if request.type != .audio {
      return (.unsupportedType, "this server carries audio; video and data tracks are not published")
    }
    if !participant.mayPublish(request.source) {
      return (.notAllowed, "the participant may not publish a track of this source")
    }
    if request.encryption != .none {
      return (.unsupportedType, "end-to-end encrypted tracks are not published: phone calls could not be heard")
    }
    if participant.tracks.count >= limits.tracksPerParticipant {
      return (.limitExceeded, "a participant may publish at most \(limits.tracksPerParticipant) tracks")
    }
    if [request.cid, request.name, request.stream].contains(where: { $0.utf8.count > limits.nameByteCount }) {
      return (.limitExceeded, "cid, name and stream may have at most \(limits.nameByteCount) bytes")
    }
    if request.cid.isEmpty { return (.invalidRequest, "cid is missing") }
    return nil
  }

  mutating func handleOffer(_ offer: Livekit_SessionDescription, from sid: String, turn: inout Turn) {
    let media = media
    let outcome = change(sid) { participant in
      Result { () throws(SDPError) in try participant.answer(offer, media: media, turn: &turn) }
    }
    switch outcome {
    case .success(let outcome):
      var affected: Set<String> = []
      for track in outcome.unpublished {
        affected.formUnion(unpublish(track, of: sid, tellsPublisher: true, turn: &turn))
      }
      if !outcome.unpublished.isEmpty || !outcome.moved.isEmpty { changed(sid, turn: &turn) }
      for track in outcome.moved { affected.formUnion(resend(track, of: sid, turn: &turn)) }
      for track in outcome.published { publish(track, of: sid, turn: &turn) }
      affected.insert(sid)
      negotiate(order.filter(affected.contains), turn: &turn)
      reportSubscriptions(of: sid, turn: &turn)
    case .failure:
      remove(sid, reason: .joinFailure, leave: .disconnect, turn: &turn)
    case nil: break
    }
  }

  // MARK: Publishing

  /// A track has its media section, or is a phone call's: everybody learns of it, and gets it unless he objects.
  mutating func publish(_ id: MediaTrackID, of sid: String, turn: inout Turn) {
    changed(sid, turn: &turn)
    guard let publisher = participants[sid], let index = publisher.trackIndex(id: id) else { return }
    turn.emit(.trackPublished(info, publisher.info, publisher.tracks[index].info))
    var affected: [String] = []
    for other in order where other != sid {
      guard let participant = participants[other] else { continue }
      if participant.isLocal {
        reportSubscribed(id, of: sid, turn: &turn)
      } else if participant.autoSubscribes {
        subscribe(other, to: publisher.tracks[index], of: publisher, turn: &turn)
        affected.append(other)
      }
    }
    negotiate(affected, turn: &turn)
  }

  /// Subscribes everybody anew to a track whose stream is another: the media loop knows the former one only. Returns who
  /// must be negotiated with, because the codec is another too.
  private mutating func resend(_ id: MediaTrackID, of sid: String, turn: inout Turn) -> Set<String> {
    guard let publisher = participants[sid], let index = publisher.trackIndex(id: id),
      let codec = publisher.tracks[index].codec
    else { return [] }
    let trackSID = publisher.tracks[index].info.sid
    let media = media
    var affected: Set<String> = []
    for other in order {
      guard let subscription = participants[other]?.subscriptions[trackSID] else { continue }
      change(other) {
        if subscription.codec == codec {
          $0.resumeSending(trackSID, media: media, turn: &turn)
        } else {
          $0.stopSending(trackSID, media: media, turn: &turn)
          $0.subscriptions[trackSID]?.codec = codec
          affected.insert(other)
        }
      }
    }
    return affected
  }

  /// Takes a track away. Returns who was subscribed and must be negotiated with.
  mutating func unpublish(
    _ id: MediaTrackID, of sid: String, tellsPublisher: Bool = false, turn: inout Turn
  ) -> [String] {
    guard let publisher = participants[sid], let index = publisher.trackIndex(id: id) else { return [] }
    let track = publisher.tracks[index]
    let media = media
    var affected: [String] = []
    for other in order where participants[other]?.subscriptions[track.info.sid] != nil {
      change(other) {
        $0.stopSending(track.info.sid, media: media, turn: &turn)
        $0.subscriptions[track.info.sid] = nil
      }
      affected.append(other)
    }
    if track.receive != nil, let transport = publisher.answering?.transport {
      turn.emit(.unpublishTrack(transport.id, id), on: media)
    }
    participants[sid]?.tracks.remove(at: index)
    deregister(track, turn: &turn)
    if tellsPublisher {
      var response = Livekit_TrackUnpublishedResponse()
      response.trackSid = track.info.sid
      turn.send(.trackUnpublished(response), to: publisher.session)
    }
    if track.isPublished, let publisher = participants[sid] {
      turn.emit(.trackUnpublished(info, publisher.info, track.info))
    }
    return affected
  }

  // MARK: Muting

  /// Mutes or unmutes a track. False when there is none of that sid.
  mutating func setMuted(_ isMuted: Bool, trackSID: String, of sid: String, turn: inout Turn) -> Bool {
    guard let index = participants[sid]?.trackIndex(sid: trackSID), let track = participants[sid]?.tracks[index] else {
      return false
    }
    guard track.info.muted != isMuted else { return true }
    change(sid) {
      $0.tracks[index].info.muted = isMuted
      $0.tracks[index].level = 0
      $0.tracks[index].isSpeaking = false
    }
    guard track.isPublished else { return true }
    turn.emit(.setTrackMuted(track.id, isMuted), on: media)
    changed(sid, turn: &turn)
    if isMuted { reportSpeakers(turn: &turn) }
    return true
  }
}

extension PublishedTrack {
  init(_ request: Livekit_AddTrackRequest, turn: inout Turn) {
    id = MediaTrackID(rawValue: turn.ids.number())
    cid = request.cid
    info = Livekit_TrackInfo()
    info.sid = turn.ids.sid(Livekit_TrackInfo.sidPrefix(type: request.type, source: request.source))
    info.type = request.type
    info.name = request.name
    info.source = request.source
    info.muted = request.muted
    info.disableDtx = request.disableDtx
    info.stereo = request.stereo
    // Redundant audio is not offered, so nobody may rely on it.
    info.disableRed = true
    info.stream = request.stream
    info.audioFeatures = request.audioFeatures
  }
}
