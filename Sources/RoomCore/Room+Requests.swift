import Base
import LiveKitProtocol
import SDP

/// Signalling requests of clients.
extension Room {
  mutating func handle(_ request: Livekit_SignalRequest, from sid: String, turn: inout Turn) {
    guard let message = request.message else { return }
    switch message {
    case .offer(let offer): handleOffer(offer, from: sid, turn: &turn)
    case .answer(let answer): handleAnswer(answer, from: sid, turn: &turn)
    // An ICE-lite server learns the client's addresses from its checks (RFC 8445 §6.1.1).
    case .trickle: break
    case .addTrack(let request): addTrack(request, of: sid, turn: &turn)
    case .mute(let request): handleMute(request, from: sid, turn: &turn)
    case .subscription(let request): handleSubscription(request, from: sid, turn: &turn)
    case .trackSetting(let settings): handleTrackSettings(settings, from: sid, turn: &turn)
    case .leave(let request):
      let reason = request.reason == .unknownReason ? .clientInitiated : request.reason
      remove(sid, reason: reason, leave: nil, turn: &turn)
    case .subscriptionPermission(let request): handleSubscriptionPermission(request, from: sid, turn: &turn)
    case .syncState(let state): handleSyncState(state, from: sid, turn: &turn)
    case .ping: turn.send(.pong(turn.unixMilliseconds), to: participants[sid]?.session)
    case .pingReq(let ping): handlePing(ping, from: sid, turn: &turn)
    case .updateMetadata(let request): handleUpdateMetadata(request, from: sid, turn: &turn)
    case .updateAudioTrack(let request): handleAudioTrack(request, from: sid, turn: &turn)
    case .updateVideoTrack: break
    case .publishDataTrackRequest(let request):
      refuse(0, from: sid, turn: &turn) { $0.publishDataTrack = request }
    case .unpublishDataTrackRequest(let request):
      refuse(0, from: sid, turn: &turn) { $0.unpublishDataTrack = request }
    case .storeDataBlobRequest(let request): refuse(request.requestID, from: sid, turn: &turn) { _ in }
    case .getDataBlobRequest(let request): refuse(request.requestID, from: sid, turn: &turn) { _ in }
    }
  }

  private mutating func refuse(
    _ requestID: UInt32, from sid: String, turn: inout Turn, _ fill: (inout Livekit_RequestResponse) -> Void
  ) {
    var response = Livekit_RequestResponse()
    response.requestID = requestID
    response.reason = .unsupportedType
    response.message = "this server has no data tracks and keeps no data"
    fill(&response)
    turn.send(.requestResponse(response), to: participants[sid]?.session)
  }

  private mutating func handlePing(_ ping: Livekit_Ping, from sid: String, turn: inout Turn) {
    var pong = Livekit_Pong()
    pong.lastPingTimestamp = ping.timestamp
    pong.timestamp = turn.unixMilliseconds
    turn.send(.pongResp(pong), to: participants[sid]?.session)
  }

  private mutating func handleAnswer(_ answer: Livekit_SessionDescription, from sid: String, turn: inout Turn) {
    let media = media
    let outcome = change(sid) { participant in
      Result { () throws(SDPError) in try participant.accept(answer, media: media, turn: &turn) }
    }
    if case .failure = outcome {
      remove(sid, reason: .joinFailure, leave: .disconnect, turn: &turn)
    } else {
      reportSubscriptions(of: sid, turn: &turn)
    }
  }

  private mutating func handleMute(_ request: Livekit_MuteTrackRequest, from sid: String, turn: inout Turn) {
    guard !setMuted(request.muted, trackSID: request.sid, of: sid, turn: &turn) else { return }
    var response = Livekit_RequestResponse()
    response.reason = .notFound
    response.message = "no track of this sid is published"
    response.mute = request
    turn.send(.requestResponse(response), to: participants[sid]?.session)
  }

  private mutating func handleAudioTrack(
    _ request: Livekit_UpdateLocalAudioTrack, from sid: String, turn: inout Turn
  ) {
    guard let index = participants[sid]?.trackIndex(sid: request.trackSid) else {
      var response = Livekit_RequestResponse()
      response.reason = .notFound
      response.message = "no track of this sid is published"
      response.updateAudioTrack = request
      turn.send(.requestResponse(response), to: participants[sid]?.session)
      return
    }
    participants[sid]?.tracks[index].info.audioFeatures = Array(request.features.prefix(16))
    changed(sid, turn: &turn)
  }

  private mutating func handleUpdateMetadata(
    _ request: Livekit_UpdateParticipantMetadata, from sid: String, turn: inout Turn
  ) {
    guard let participant = participants[sid] else { return }
    var response = Livekit_RequestResponse()
    response.requestID = request.requestID
    response.updateMetadata = request
    var isChanged = false
    if !participant.permission.canUpdateMetadata {
      response.reason = .notAllowed
      response.message = "the participant may not update its own metadata"
    } else {
      do {
        isChanged = try update(
          sid, name: request.name, metadata: request.metadata, attributes: request.attributes, limits: turn.limits)
        response.reason = .ok
      } catch {
        response.reason = .limitExceeded
        response.message = error.reason
      }
    }
    turn.send(.requestResponse(response), to: participant.session)
    if isChanged { changed(sid, turn: &turn) }
  }

  /// Sets what is not empty; an attribute with an empty value is removed. True when something is different now.
  mutating func update(
    _ sid: String, name: String, metadata: String, attributes: [String: String], limits: RoomLimits
  ) throws(RoomError) -> Bool {
    guard let participant = participants[sid] else { return false }
    var merged = participant.attributes.merging(attributes) { $1 }
    merged = merged.filter { !$0.value.isEmpty }
    if let reason = limits.violation(name: name, metadata: metadata, attributes: merged) {
      throw RoomError(.invalidArgument, reason)
    }
    let isChanged =
      !name.isEmpty && name != participant.name || !metadata.isEmpty && metadata != participant.metadata
      || merged != participant.attributes
    change(sid) {
      if !name.isEmpty { $0.name = name }
      if !metadata.isEmpty { $0.metadata = metadata }
      $0.attributes = merged
    }
    return isChanged
  }

  /// What a resuming client believes: a track that it publishes and we do not know means starting anew.
  mutating func handleSyncState(_ state: Livekit_SyncState, from sid: String, turn: inout Turn) {
    guard let participant = participants[sid] else { return }
    let known = Set(participant.tracks.map(\.info.sid))
    guard state.publishTracks.allSatisfy({ known.contains($0.track.sid) }) else {
      remove(sid, reason: .stateMismatch, leave: .reconnect, turn: &turn)
      return
    }
    let media = media
    change(sid) {
      for trackSID in state.trackSidsDisabled.prefix(turn.limits.participantsPerRoom) {
        $0.setDisabled(true, trackSID: trackSID, media: media, turn: &turn)
      }
    }
    if state.hasSubscription { handleSubscription(state.subscription, from: sid, turn: &turn) }
  }
}

extension RoomLimits {
  /// Which limit is passed. Nil: none.
  func violation(name: String, metadata: String, attributes: [String: String]) -> String? {
    if name.utf8.count > nameByteCount { return "the name has more than \(nameByteCount) bytes" }
    if metadata.utf8.count > metadataByteCount { return "the metadata has more than \(metadataByteCount) bytes" }
    let byteCount = attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    if byteCount > attributesByteCount { return "the attributes have more than \(attributesByteCount) bytes" }
    return nil
  }
}
