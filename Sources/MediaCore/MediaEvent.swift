import Base

/// What a media loop reports. Delivered on the media thread, which waits for the receiver to return.
public enum MediaEvent: Sendable {
  /// DTLS is complete and the peer's certificate is the announced one. Media flows, data channels may be opened.
  case transportConnected(TransportID)
  /// The peer of a full agent has answered no check for `TransportConfiguration.interruptionTimeout`. Media goes on
  /// being sent; either `transportResumed` or `transportFailed` follows.
  case transportInterrupted(TransportID)
  case transportResumed(TransportID)
  /// A full agent can be reached through a TURN server too; for signalling to tell the peer.
  case localCandidate(TransportID, ICECandidate)
  /// Nothing more comes of this transport. It is closed already; `transportClosed` follows.
  case transportFailed(TransportID, TransportFailure)
  case transportClosed(TransportID, TransportStatistics)
  case dataChannelOpened(TransportID, label: String)
  case data(TransportID, label: String, [UInt8])

  /// The first packet of a published track arrived.
  case trackActive(TrackID)
  /// The first packet of a track left for a subscriber.
  case trackFlowing(TrackID, to: TransportID)
  /// The loudness of one track of a room since the last report; only tracks whose value changed, at most five times
  /// a second each, then one `audioLevelsReported` for the room.
  case audioLevel(RoomID, TrackID, AudioLevelReport)
  case audioLevelsReported(RoomID)

  /// One keypad digit `0-9 * # A-D` from the phone, once per press, at its start.
  case digit(PhoneLegID, Character)
  /// All digits given to `sendDigits` have been played.
  case digitsSent(PhoneLegID)
  /// The last sample of `MediaCommand.playSound` has left, or would have on a phone that is on hold.
  case soundPlayed(PhoneLegID, playback: UInt64)
  /// The first RTP packet from an accepted source.
  case phoneMediaStarted(PhoneLegID)
  /// No RTP for the configured time. Reported once; the leg goes on until it is closed.
  case phoneMediaTimedOut(PhoneLegID)
  case phoneLegClosed(PhoneLegID, PhoneLegStatistics)

  // Once a second each.
  case phoneLegStatistics(PhoneLegID, PhoneLegStatistics)
  case receivedTrackStatistics(TrackID, ReceivedTrackStatistics)
  case sentTrackStatistics(TransportID, TrackID, SentTrackStatistics)
  case loopStatistics(MediaLoopStatistics)
}
