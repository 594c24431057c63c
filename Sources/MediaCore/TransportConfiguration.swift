import Base

/// One WebRTC peer connection as offer and answer agreed it: one bundle, RTCP multiplexed.
public struct TransportConfiguration: Hashable, Sendable {
  public var id: TransportID
  public var room: RoomID
  /// Ours; the fragment is unique among the transports of a loop.
  public var credentials: ICECredentials
  /// The peer's `a=ice-ufrag`. Nil: any is accepted.
  public var remoteUfrag: String?
  public var ice: ICERole
  /// TURN servers for a full agent.
  public var iceServers: [ICEServer]
  /// The peer's `a=fingerprint:sha-256` values, `AB:CD:…`. A peer with another certificate is refused.
  public var remoteFingerprints: [String]
  /// We send the ClientHello (`a=setup:active` in our description).
  public var isDTLSClient: Bool
  /// From opening to a completed DTLS handshake; then `MediaEvent.transportFailed`.
  public var connectTimeout: Duration
  /// Without consent for this long the transport has failed (RFC 7675 §5.1). A lite agent's consent is a valid STUN
  /// request of the peer's, a full agent's a valid response to one of its own.
  public var consentTimeout: Duration
  /// Without a valid response for this long a full agent reports `MediaEvent.transportInterrupted`.
  public var interruptionTimeout: Duration

  public init(
    id: TransportID, room: RoomID, credentials: ICECredentials, remoteUfrag: String? = nil,
    ice: ICERole = .lite, iceServers: [ICEServer] = [], remoteFingerprints: [String], isDTLSClient: Bool = false,
    connectTimeout: Duration = .seconds(30), consentTimeout: Duration = .seconds(30),
    interruptionTimeout: Duration = .seconds(5)
  ) {
    self.id = id
    self.room = room
    self.credentials = credentials
    self.remoteUfrag = remoteUfrag
    self.ice = ice
    self.iceServers = iceServers
    self.remoteFingerprints = remoteFingerprints
    self.isDTLSClient = isDTLSClient
    self.connectTimeout = connectTimeout
    self.consentTimeout = consentTimeout
    self.interruptionTimeout = interruptionTimeout
  }
}
