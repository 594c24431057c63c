/// What a ringing call waits for before it is answered.
public enum AnswerPolicy: String, Sendable, Hashable, CaseIterable, Codable {
  /// An audio track of the room is subscribed, or another caller is in the room. What `livekit-sip` does.
  case trackSubscribed = "track_subscribed"
  /// Anyone else is in the room, whether or not they publish.
  case participantJoined = "participant_joined"
  /// Nothing: the call is answered as soon as the caller is in the room.
  case immediately
}
