import Base
import LiveKitProtocol
import RoomCore
import SDP

/// What the media loop sends, receives and reports.
extension RoomSession {
  // MARK: Our voice

  /// Sends our track as the answer lets us.
  mutating func sendVoice(_ answer: WebRTCDescription) {
    guard var connection = publisher else { return }
    let section = answer.section(mid: OfferedConnection.voiceMID)
    guard let section, !section.isRejected, section.direction.receives, let codec = section.codec(configuration.codec)
    else {
      let name = configuration.codec.name
      return stopVoice("the server takes no \(name) from us")
    }
    let stream = RoomSendTrack(
      ssrc: connection.ssrc, payloadType: codec.payloadType, codec: configuration.codec, mid: section.mid,
      midExtensionID: section.midExtensionID, levelExtensionID: section.audioLevelExtensionID)
    guard connection.sent != stream else { return }
    if connection.sent != nil { emit(.unsubscribe(connection.end.transport, media.track)) }
    emit(.subscribe(connection.end.transport, media.track, stream))
    connection.sent = stream
    publisher = connection
  }

  /// Our track is not in the room, and perhaps not allowed to be.
  mutating func stopVoice(_ reason: String?) {
    trackSID = ""
    if let reason { note(.refused(reason)) }
    guard let connection = publisher, connection.sent != nil else { return }
    emit(.unsubscribe(connection.end.transport, media.track))
    publisher?.sent = nil
  }

  mutating func setMuted(_ muted: Bool) {
    guard muted != isMuted else { return }
    isMuted = muted
    emit(.setTrackMuted(media.track, muted))
    note(.muted(muted))
  }

  // MARK: Their tracks

  /// The stream of a section that carries a track. Nil: it carries none.
  func incoming(_ section: WebRTCSection, named sid: String?, accepts: Bool) -> (sid: String, stream: RoomReceiveTrack)?
  {
    guard section.kind == .audio, accepts, !section.isRejected,
      let sid = sid.flatMap({ $0.isEmpty ? nil : $0 }) ?? section.msid.map(\.trackSID), !sid.isEmpty
    else { return nil }
    // A section lists what could be sent; what the track is says what will be.
    let mimeType = roster.mimeType(ofTrack: sid)?.lowercased()
    let listed = section.codecs.lazy.compactMap { rtp in
      RoomCodec.allCases.first { section.codec($0) == rtp }.map { ($0, rtp) }
    }
    guard let (codec, rtp) = listed.first(where: { "audio/\($0.0.name)".lowercased() == mimeType }) ?? listed.first
    else { return nil }
    return (
      sid,
      RoomReceiveTrack(
        ssrc: section.ssrcs.first, mid: section.mid, payloadType: rtp.payloadType, codec: codec,
        levelExtensionID: section.audioLevelExtensionID, midExtensionID: section.midExtensionID)
    )
  }

  /// What one transport receives from now on.
  mutating func receiveTracks(_ wanted: [(sid: String, stream: RoomReceiveTrack)], on transport: MediaTransportID) {
    var missing = wanted
    for (id, track) in tracks.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where track.transport == transport {
      if let index = missing.firstIndex(where: { $0.sid == track.sid && $0.stream == track.stream }) {
        missing.remove(at: index)
      } else {
        emit(.unpublishTrack(transport, id))
        tracks[id] = nil
      }
    }
    for (sid, stream) in missing.prefix(configuration.limits.sections) {
      let id = MediaTrackID(rawValue: makeNumber())
      tracks[id] = IncomingTrack(sid: sid, transport: transport, stream: stream)
      emit(.publishTrack(transport, id, stream))
    }
    reportPresence()
  }

  mutating func trackActive(_ id: MediaTrackID) {
    guard tracks[id]?.isActive == false else { return }
    tracks[id]?.isActive = true
    reportPresence()
  }

  // MARK: Transports

  private mutating func change(_ id: MediaTransportID, _ body: (inout ConnectionEnd) -> Void) -> Bool {
    if publisher?.end.transport == id {
      if var end = publisher?.end {
        body(&end)
        publisher?.end = end
      }
      return true
    }
    guard subscriber?.end.transport == id, var end = subscriber?.end else { return false }
    body(&end)
    subscriber?.end = end
    return true
  }

  mutating func transportConnected(_ id: MediaTransportID) {
    guard change(id, { $0.isConnected = true }) else { return }
    if publisher?.end.transport == id {
      // The client's own channels carry what it sends; a server of one peer connection uses them too.
      for channel in [RoomDataChannel.reliable, .lossy] { emit(.openDataChannel(id, channel)) }
    }
    settle()
  }

  mutating func transportInterrupted(_ id: MediaTransportID) {
    guard change(id, { $0.isInterrupted = true }) else { return }
    reportMediaLost("no answer from the server's media address")
    if state == .live { repair("the media is interrupted") }
  }

  mutating func transportResumed(_ id: MediaTransportID) {
    if change(id, { $0.isInterrupted = false }) { settle() }
  }

  mutating func transportFailed(_ id: MediaTransportID, _ reason: String) {
    guard change(id, { $0.isFailed = true }) else { return }
    let sentence = "the media failed: \(reason)"
    reportMediaLost(sentence)
    // A resume that is under way finds out by itself.
    guard state != .connecting else { return }
    purpose = .join
    guard state == .live, mediaFailure == nil else { return }
    mediaFailure = (now, sentence)
  }

  /// Both sides restart ICE when the session is resumed.
  mutating func repair(_ reason: String) { lose(reason, then: .resume) }

  var isMediaUp: Bool { publisher?.end.isUp == true && subscriber?.end.isUp ?? true }

  /// Notes that all is well again, where it is.
  mutating func settle() {
    guard state == .live, isMediaUp else { return }
    mediaAwaitedSince = nil
    repairAt = nil
    lostSince = nil
    attempt = 0
    purpose = .resume
    sendWaiting()
    if isMediaLost {
      isMediaLost = false
      emit(.mediaRestored)
    }
  }

  private mutating func reportMediaLost(_ reason: String) {
    guard !isMediaLost else { return }
    isMediaLost = true
    emit(.mediaLost(reason: reason))
  }
}

extension MediaStreamID {
  /// `PA_…|TR_…` and `TR_…` both name the track; a stream that names the participant alone has the track beside it.
  fileprivate var trackSID: String {
    track.hasPrefix("TR_") ? track : stream.split(separator: "|").dropFirst().first.map(String.init) ?? track
  }
}
