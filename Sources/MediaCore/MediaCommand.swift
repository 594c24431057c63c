import Base

/// What the gateway asks of a media loop. Commands of one poster are carried out in the order of posting.
/// A command that names an unknown id, or one that is closed already, does nothing.
public enum MediaCommand: Sendable {
  case openRoom(RoomID, RoomMediaOptions)
  /// Closes the transports of the room too; its phone legs live on without a room.
  case closeRoom(RoomID)

  /// (Re)negotiates a phone leg that `MediaLoop.openPhoneLeg` opened. From here on it sends: audio of its room,
  /// or silence without one. Packets that arrive before are counted and teach the source, nothing more.
  case negotiatePhoneLeg(PhoneLegID, PhoneMedia)
  /// From here on the leg publishes `TrackID` to the room and hears everyone else in it.
  case attachPhoneLeg(PhoneLegID, RoomID, TrackID)
  /// The leg leaves its room and hears silence.
  case detachPhoneLeg(PhoneLegID)
  /// Plays a tone to the phone instead of its room, until `stopTone`.
  case playTone(PhoneLegID, PhoneTone)
  case stopTone(PhoneLegID)
  /// Plays a tone to the room instead of the phone, until `stopToneToRoom`. The leg need not be negotiated.
  case playToneToRoom(PhoneLegID, PhoneTone)
  case stopToneToRoom(PhoneLegID)
  /// A deaf phone hears silence instead of its room; tones and sounds it hears.
  case setPhoneDeaf(PhoneLegID, Bool)
  /// A phone that hears comfort noise hears it beneath its room, so that a room that is out of reach does not sound
  /// like a dead line; tones and sounds cover it.
  case setComfortNoise(PhoneLegID, Bool)
  /// Plays recorded sound to the phone instead of its room and its tone; it replaces what is played already. Begins
  /// once the leg is negotiated, goes on unheard while the phone is on hold, and ends in `MediaEvent.soundPlayed`.
  case playSound(PhoneLegID, PhonePlayback)
  /// Nothing is reported of what it cuts short.
  case stopSound(PhoneLegID)
  /// Plays digits `0-9 * # A-D` (any case) to the phone, after those that still wait; `w` pauses half a second.
  /// At most 64 wait; the rest is dropped.
  case sendDigits(PhoneLegID, String)
  /// Ends in `MediaEvent.phoneLegClosed`.
  case closePhoneLeg(PhoneLegID)

  /// A transport with a lite agent, on the loop's WebRTC port. One with a full agent needs ports of its own:
  /// `MediaLoop.openTransport`.
  case openTransport(TransportConfiguration)
  case publishTrack(TransportID, TrackID, ReceiveTrack)
  case unpublishTrack(TransportID, TrackID)
  /// A muted track, of a phone leg or of a peer, is received and counted but reaches nobody.
  case setTrackMuted(TrackID, Bool)
  /// The track may come later: a phone is subscribed to while it still rings.
  case subscribe(TransportID, TrackID, SendTrack)
  case unsubscribe(TransportID, TrackID)
  /// Nothing when a channel of that label is open in either direction.
  case openDataChannel(TransportID, DataChannelOptions)
  /// Goes out on the open channel of that label; dropped and counted when there is none or its queue is full.
  case sendData(TransportID, label: String, [UInt8])
  /// Ways to reach the peer of a full agent that signalling brought after its description. At most 64 count.
  case addRemoteCandidates(TransportID, [ICECandidate])
  /// New credentials; DTLS, SRTP and data channels go on, and the path too until there is another (RFC 8445 §2.4).
  /// A full agent needs `remote`; a lite one without it takes any user name fragment of the peer's.
  case restartICE(TransportID, ICECredentials, remote: ICERemote?)
  /// Ends in `MediaEvent.transportClosed`.
  case closeTransport(TransportID)
}
