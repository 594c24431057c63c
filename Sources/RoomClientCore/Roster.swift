import LiveKitProtocol

/// The others of a room, as far as a call cares.
struct Roster: Sendable {
  struct Other: Hashable, Sendable {
    var identity: String
    var kind: Livekit_ParticipantInfo.Kind
    var version: UInt32
    /// Of its audio tracks, by sid.
    var mimeTypes: [String: String]
  }

  private(set) var others: [String: Other] = [:]
  private let limits: RoomClientLimits

  init(limits: RoomClientLimits) { self.limits = limits }

  mutating func removeAll() { others = [:] }

  /// Takes what the server says of someone else. Older news than what is known is passed over.
  mutating func note(_ info: Livekit_ParticipantInfo) {
    if info.state == .disconnected {
      others[info.sid] = nil
      return
    }
    if let known = others[info.sid] {
      guard info.version >= known.version else { return }
    } else if others.count >= limits.participants || info.sid.isEmpty {
      return
    }
    let tracks = info.tracks.lazy.filter { $0.type == .audio && !$0.sid.isEmpty }.prefix(limits.tracksPerParticipant)
    others[info.sid] = Other(
      identity: info.identity, kind: info.kind, version: info.version,
      mimeTypes: Dictionary(tracks.map { ($0.sid, $0.mimeType) }, uniquingKeysWith: { $1 }))
  }

  /// Publishers and their audio tracks.
  var tracks: [(publisher: String, track: String)] {
    others.flatMap { sid, other in other.mimeTypes.keys.map { (sid, $0) } }
  }

  func mimeType(ofTrack sid: String) -> String? { others.lazy.compactMap { $0.value.mimeTypes[sid] }.first }

  /// - Parameter audible: sids of tracks whose sound has arrived.
  func presence(audible: Set<String>) -> RoomPresence {
    var presence = RoomPresence()
    presence.participants = others.count
    for other in others.values {
      if other.kind == .sip { presence.phones += 1 }
      if other.kind == .agent { presence.agents += 1 }
      presence.audibleTracks += other.mimeTypes.keys.count { audible.contains($0) }
    }
    return presence
  }
}
