import Base
import LiveKitProtocol

/// What the media loop reports.
extension Room {
  mutating func transportConnected(_ id: MediaTransportID, of sid: String, turn: inout Turn) {
    let media = media
    change(sid) { participant in
      if participant.offering?.transport?.id == id {
        participant.offering?.transport?.isConnected = true
        // The client of two peer connections reads data on channels that the server opens.
        for channel in [RoomDataChannel.reliable, .lossy, .dataTrack] {
          turn.emit(.openDataChannel(id, channel), on: media)
        }
      } else if participant.answering?.transport?.id == id {
        participant.answering?.transport?.isConnected = true
      }
    }
    guard let participant = participants[sid], participant.primaryTransport?.id == id else { return }
    if !participant.isActive {
      participants[sid]?.state = .active
      changed(sid, turn: &turn)
      if let participant = participants[sid] { turn.emit(.participantActive(info, participant.info)) }
    }
    reportSubscriptions(of: sid, turn: &turn)
  }

  /// A transport cannot be repaired: its client begins anew.
  mutating func transportFailed(_ id: MediaTransportID, of sid: String, turn: inout Turn) {
    guard let participant = participants[sid] else { return }
    guard participant.offering?.transport?.id == id || participant.answering?.transport?.id == id else { return }
    remove(sid, reason: .connectionTimeout, leave: .reconnect, turn: &turn)
  }

  mutating func trackActive(_ id: MediaTrackID, of sid: String, turn: inout Turn) {
    guard let participant = participants[sid], let index = participant.trackIndex(id: id),
      !participant.tracks[index].isActive
    else { return }
    participants[sid]?.tracks[index].isActive = true
    for local in orderedParticipants where local.isLocal && local.sid != sid {
      turn.emit(.localHears(participantSID: local.sid, participant.info, participant.tracks[index].info))
    }
  }

  mutating func trackFlowing(_ id: MediaTrackID, of sid: String, to subscriber: String, turn: inout Turn) {
    reportSubscribed(id, of: sid, turn: &turn)
    guard let participant = participants[sid], participant.isLocal, let subscriber = participants[subscriber] else {
      return
    }
    turn.emit(.localHeard(participantSID: sid, by: subscriber.info))
  }
}
