import Base

/// One WebRTC peer connection as offer and answer agreed it: ICE-lite on our side, one bundle, RTCP multiplexed.
public struct TransportConfiguration: Hashable, Sendable {
  public var id: TransportID
  public var room: RoomID
  /// Ours; the fragment is unique among the transports of a loop.
  public var credentials: ICECredentials
  /// The peer's `a=ice-ufrag`. Nil: any is accepted.
  public var remoteUfrag: String?
  /// The peer's `a=fingerprint:sha-256` values, `AB:CD:…`. A peer with another certificate is refused.
  public var remoteFingerprints: [String]
  /// We send the ClientHello (`a=setup:active` in our description).
  public var isDTLSClient: Bool
  /// From opening to a completed DTLS handshake; then `MediaEvent.transportFailed`.
  public var connectTimeout: Duration
  /// Without a valid STUN request from the peer for this long the transport has failed (RFC 7675).
  public var consentTimeout: Duration

  public init(
    id: TransportID, room: RoomID, credentials: ICECredentials, remoteUfrag: String? = nil,
    remoteFingerprints: [String], isDTLSClient: Bool = false, connectTimeout: Duration = .seconds(30),
    consentTimeout: Duration = .seconds(30)
  ) {
    self.id = id
    self.room = room
    self.credentials = credentials
    self.remoteUfrag = remoteUfrag
    self.remoteFingerprints = remoteFingerprints
    self.isDTLSClient = isDTLSClient
    self.connectTimeout = connectTimeout
    self.consentTimeout = consentTimeout
  }
}
