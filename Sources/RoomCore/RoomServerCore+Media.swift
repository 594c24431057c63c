import Base

/// Media events, given to the room they belong to.
extension RoomServerCore {
  mutating func handleMedia(_ input: RoomInput) {
    switch input {
    case .transportConnected(let id):
      with(turn.transports[id]) { $0.transportConnected(id, of: $1, turn: &$2) }
    case .transportFailed(let id):
      with(turn.transports[id]) { $0.transportFailed(id, of: $1, turn: &$2) }
    case .dataChannelOpened(let id, let label):
      with(turn.transports[id]) { $0.channelOpened(label, transport: id, of: $1, turn: &$2) }
    case .data(let id, let label, let bytes):
      with(turn.transports[id]) { $0.receive(bytes, label: label, from: $1, turn: &$2) }
    case .trackActive(let id):
      with(turn.tracks[id]) { $0.trackActive(id, of: $1, turn: &$2) }
    case .trackFlowing(let id, let transport):
      guard let subscriber = turn.transports[transport]?.participantSID else { return }
      with(turn.tracks[id]) { $0.trackFlowing(id, of: $1, to: subscriber, turn: &$2) }
    case .audioLevel(let id, let level, let isActive):
      with(turn.tracks[id]) { room, sid, _ in room.setLevel(level, isSpeaking: isActive, track: id, of: sid) }
    case .audioLevelsReported(let id):
      guard let name = turn.mediaRooms[id] else { return }
      roomsByName[name]?.reportSpeakers(turn: &turn)
    case .trackReceived(let id, let loss, let jitter):
      with(turn.tracks[id]) { room, sid, _ in
        room.setReception(Reception(loss: loss, jitter: jitter), track: id, of: sid)
      }
    case .trackSent(let id, let transport, let loss, let jitter):
      with(turn.transports[transport]) { room, sid, _ in
        room.setReception(Reception(loss: loss, jitter: jitter), track: id, sentTo: sid)
      }
    case .join, .request, .sessionClosed, .tick: break
    }
  }
}
