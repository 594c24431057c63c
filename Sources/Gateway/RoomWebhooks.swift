import API
import LiveKitProtocol
import RoomCore

/// Tells webhooks what happens in rooms, in LiveKit's events (livekit-wire 4.7).
struct RoomWebhooks: Sendable {
  /// Nil: nobody listens.
  let webhooks: (any WebhookEvents)?
  /// Sids of participants whose join was told: who leaves before that has aborted.
  private var joined: Set<String> = []

  init(_ webhooks: (any WebhookEvents)?) { self.webhooks = webhooks }

  mutating func report(_ event: RoomEvent) {
    guard let webhooks else { return }
    switch event {
    case .roomStarted(let room, _): webhooks.post(Self.event("room_started", room))
    case .roomFinished(let room, let reason):
      var event = Self.event("room_finished", room)
      event.roomEndReason = reason.roomEnd
      webhooks.post(event)
    case .participantActive(let room, let participant):
      joined.insert(participant.sid)
      webhooks.post(Self.event("participant_joined", room, participant))
    case .participantLeft(let room, let participant):
      let wasHere = joined.remove(participant.sid) != nil
      let name = wasHere ? "participant_left" : "participant_connection_aborted"
      webhooks.post(Self.event(name, room, participant))
    case .trackPublished(let room, let participant, let track):
      webhooks.post(Self.event("track_published", room, participant, track))
    case .trackUnpublished(let room, let participant, let track):
      webhooks.post(Self.event("track_unpublished", room, participant, track))
    default: break
    }
  }

  private static func event(
    _ name: String, _ room: Livekit_Room, _ participant: Livekit_ParticipantInfo? = nil,
    _ track: Livekit_TrackInfo? = nil
  ) -> Livekit_WebhookEvent {
    var event = Livekit_WebhookEvent()
    event.event = name
    event.room = room
    if let participant { event.participant = participant }
    if let track {
      event.track = track
      // The participant is there to be told apart; its tracks are not repeated.
      event.participant.tracks = []
    }
    return event
  }
}

extension Livekit_DisconnectReason {
  fileprivate var roomEnd: Livekit_RoomEndReason {
    switch self {
    case .roomDeleted: .roomEndApiDelete
    case .roomClosed: .roomEndIdleTimeout
    case .serverShutdown: .roomEndServerShutdown
    default: .roomEndUnknown
    }
  }
}
