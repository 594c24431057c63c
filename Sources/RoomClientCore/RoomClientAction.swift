import LiveKitProtocol
import RoomCore

/// What the gateway must do for a session, in order.
public enum RoomClientAction: Sendable {
  /// Make a token to join `RoomSession.entry` with, unless it has one, and open UDP ports for these transports; answer
  /// with `prepared`.
  /// Each of them is opened with `RoomMediaAction.openTransport` later, or closed without.
  case prepare([MediaTransportID])
  /// Open a WebSocket. Its events carry its id; those of earlier ones are passed over.
  case connect(RoomSocketID, RoomSocketTarget)
  case send(RoomSocketID, Livekit_SignalRequest)
  /// Close it after what was sent. Nothing more is wanted of it.
  case disconnect(RoomSocketID)
  /// Ask LiveKit's service where else the room can be joined; answer with `regions`.
  case findRegions(RoomServerURL, token: String)
  /// For the media loop of the session.
  case media(RoomMediaAction)
  case event(RoomClientEvent)
}

public struct RoomSocketTarget: Hashable, Sendable {
  public var url: RoomServerURL
  /// Path and query, percent-encoded.
  public var path: String
  /// For the Authorization header.
  public var token: String
}

/// What a session tells of itself.
public enum RoomClientEvent: Sendable, Hashable {
  /// The server has let it in, for the first time.
  case joined(participantSID: String)
  /// It is in the room as another participant, because the server had forgotten the former one.
  case rejoined(participantSID: String)
  /// It never came into the room, and does not try any longer. No other event follows.
  case joinFailed(RoomClientFault)
  /// Nothing is heard of the room and the room hears nothing; it is being repaired.
  case mediaLost(reason: String)
  case mediaRestored
  case changed(RoomPresence)
  /// All attributes of ours.
  case attributes([String: String])
  /// `sip_dtmf` and `rpc_request` for us.
  case data(Livekit_DataPacket)
  /// The server has put it into another room.
  case moved(room: String, participantSID: String)
  /// Someone took it out of the room. No other event follows.
  case removed(Livekit_DisconnectReason)
  case roomDeleted
  /// An outage took too long. No other event follows.
  case lost(reason: String)
  /// For the log.
  case note(RoomClientNote)
}

public enum RoomClientFault: Error, Hashable, Sendable {
  case roomFull
  /// The server does not want the call; one sentence.
  case refused(String)
  /// The server did not answer, or has no time; one sentence.
  case unreachable(String)
}

/// What an operator may want to know and no call does.
public enum RoomClientNote: Hashable, Sendable {
  case connectionLost(reason: String)
  /// The server knew the participant still.
  case resumed(afterMilliseconds: Int64)
  case attemptFailed(reason: String, attempt: Int)
  /// The server has no `/rtc/v1`.
  case usesTwoPeerConnections
  /// A request of ours was refused.
  case refused(String)
  case muted(Bool)
}

/// Who is in the room besides the call.
public struct RoomPresence: Hashable, Sendable {
  public var participants = 0
  public var phones = 0
  public var agents = 0
  /// Audio tracks whose sound has arrived.
  public var audibleTracks = 0

  public init() {}
}
