import LiveKitProtocol

/// Who may subscribe to a publisher's tracks, when not everybody may.
struct SubscriptionPermission: Hashable, Sendable {
  private var allTracks: Set<String> = []
  private var tracks: [String: Set<String>] = [:]

  /// Nil when all participants may.
  init?(_ request: Livekit_SubscriptionPermission, limit: Int) {
    if request.allParticipants { return nil }
    for permission in request.trackPermissions.prefix(limit) {
      // A participant is named by its identity or by its sid; neither can be the other.
      for name in [permission.participantIdentity, permission.participantSid] where !name.isEmpty {
        if permission.allTracks {
          allTracks.insert(name)
        } else {
          tracks[name, default: []].formUnion(permission.trackSids.prefix(limit))
        }
      }
    }
  }

  func allows(_ trackSID: String, identity: String, sid: String) -> Bool {
    allTracks.contains(identity) || allTracks.contains(sid) || tracks[identity]?.contains(trackSID) == true
      || tracks[sid]?.contains(trackSID) == true
  }
}
