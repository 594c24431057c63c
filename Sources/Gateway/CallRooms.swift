import MediaCore
import Telephony

/// What a call asks of the rooms, wherever they are. Nothing waits here: what one call asks is done in the order of
/// asking, and answered through the closures that it gives.
protocol CallRooms: Sendable {
  /// Joins a call to the room of `entry`, which is made when it is not there, with `attributes` instead of the entry's.
  /// `answer` is called once, or not at all when the call leaves first; `notify` may be called before it.
  func join(
    _ call: PhoneLegID, _ entry: RoomEntry, attributes: [String: String],
    answer: @escaping @Sendable (Result<RoomPlace, JoinFault>) -> Void,
    notify: @escaping @Sendable (CallerRoomEvent) -> Void)
  /// Nothing when the call is in no room, or not any more.
  func leave(_ call: PhoneLegID, reason: DisconnectReason)
  /// The participant of one call becomes that of another. Nothing when the first one is in no room.
  func rebind(_ old: PhoneLegID, to new: PhoneLegID, notify: @escaping @Sendable (CallerRoomEvent) -> Void)
  /// Sets the given attributes; an empty value removes one.
  func update(_ call: PhoneLegID, attributes: [String: String])
  func sendDigit(_ digit: DTMFDigit, from call: PhoneLegID)
}

/// Where a call is that has joined its room.
struct RoomPlace: Hashable, Sendable {
  let participantSID: String
  let mediaRoom: RoomID
  /// The call's own track.
  let mediaTrack: TrackID
  /// The media loop of the room: the phone leg must be opened on it.
  let loop: Int
}

/// What happens in its room to a participant whose media the gateway has itself.
enum CallerRoomEvent: Sendable {
  case occupancy(RoomOccupancy)
  /// Keypad digits for the phone, several at once and with `w` pauses as they came.
  case digits(String)
  /// The agent that the room waits for. Nil: it is there, or none is expected.
  case agentAwaited(AwaitedAgent?)
  /// All its attributes, which anyone with the right may change.
  case attributes([String: String])
  /// `lk.sip.GetRemoteHeaders`: the headers of the phone's INVITE or 200 are wanted.
  case remoteHeadersAsked(answer: @Sendable ([String: String]) -> Void)
  /// `lk.sip.EndCall`, with headers for the BYE.
  case endAsked(headers: [String: String])
  case removed
  case roomDeleted

  // Of rooms on another server.

  /// Room and phone do not hear each other for now; it is being repaired.
  case mediaLost(reason: String)
  case mediaRestored
  /// It is in the room as another participant: the server had forgotten the former one.
  case rejoined(participantSID: String)
  /// The server has put it into another room.
  case moved(room: String, participantSID: String)
  /// It could not be repaired in time; the call has left.
  case lost(reason: String)
}
