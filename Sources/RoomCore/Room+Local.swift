import Base
import LiveKitProtocol

/// Phone calls as participants.
extension Room {
  mutating func joinLocal(_ local: LocalParticipant, turn: inout Turn) -> LocalJoin {
    if let old = participant(identity: local.identity) {
      remove(old.sid, reason: .duplicateIdentity, leave: .disconnect, turn: &turn)
    }
    let track = PublishedTrack(microphoneOf: local, turn: &turn)
    let sid = admit(Participant(local, track: track, turn: &turn), turn: &turn)
    turn.locals[sid] = name
    register(track, of: sid, turn: &turn)
    if let participant = participants[sid] {
      turn.emit(.participantJoined(info, participant.info))
      turn.emit(.participantActive(info, participant.info))
    }
    publish(track.id, of: sid, turn: &turn)
    introduce(sid, turn: &turn)
    return LocalJoin(
      participantSID: sid, roomSID: self.sid, roomName: name, trackSID: track.info.sid, mediaRoom: media.id,
      mediaTrack: track.id, loop: media.loop)
  }

  /// A phone call hears what is there, and those who publish it learn that they are subscribed.
  private mutating func introduce(_ sid: String, turn: inout Turn) {
    for other in orderedParticipants where other.sid != sid {
      for track in other.tracks where track.isPublished {
        reportSubscribed(track.id, of: other.sid, turn: &turn)
        if track.isActive {
          turn.emit(.localHears(participantSID: sid, other.info, track.info))
        }
        if other.isLocal, let participant = participants[sid] {
          turn.emit(.localHears(participantSID: other.sid, participant.info, participant.tracks[0].info))
        }
      }
    }
  }
}

extension Participant {
  init(_ local: LocalParticipant, track: PublishedTrack, turn: inout Turn) {
    self.init(sid: turn.ids.sid("PA_"), identity: local.identity, isLocal: true, turn: &turn)
    name = local.name
    metadata = local.metadata
    attributes = local.attributes.filter { !$0.value.isEmpty }
    kind = local.kind
    permission = local.permission
    state = .active
    tracks = [track]
  }
}

extension PublishedTrack {
  /// The caller's voice: named for the caller, as LiveKit's bridge has it.
  init(microphoneOf local: LocalParticipant, turn: inout Turn) {
    id = MediaTrackID(rawValue: turn.ids.number())
    cid = ""
    info = Livekit_TrackInfo()
    info.sid = turn.ids.sid(Livekit_TrackInfo.sidPrefix(type: .audio, source: .microphone))
    info.type = .audio
    info.name = local.identity
    info.source = .microphone
    info.mimeType = turn.configuration.codec.mimeType
    info.disableRed = true
    codec = turn.configuration.codec
    // The media loop sends silence until the caller speaks.
    isActive = true
  }
}
