import LiveKitProtocol

/// A participant whose media the gateway has itself: a phone call. It publishes one microphone track at once and hears
/// every other track of its room, muted ones excepted.
public struct LocalParticipant: Sendable {
  public var identity: String
  public var name: String
  public var metadata = ""
  public var attributes: [String: String] = [:]
  public var kind = Livekit_ParticipantInfo.Kind.sip
  public var permission: Livekit_ParticipantPermission

  public init(identity: String, name: String) {
    self.identity = identity
    self.name = name
    permission = VideoGrant().permission
    permission.canUpdateMetadata = true
  }
}

/// What a joined local participant is called, for the media loop and for later operations.
public struct LocalJoin: Hashable, Sendable {
  public let participantSID: String
  public let roomSID: String
  public let roomName: String
  public let trackSID: String
  public let mediaRoom: MediaRoomID
  public let mediaTrack: MediaTrackID
  /// The media loop of the room: the phone leg must be opened on it.
  public let loop: Int
}
