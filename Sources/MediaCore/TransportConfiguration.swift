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

public enum TrackCodec: Hashable, Sendable {
  /// 48,000 RTP ticks a second, mono or stereo.
  case opus
  case pcmu
  case pcma
}

/// How the packets of a track that a WebRTC peer publishes are recognised and read.
public struct ReceiveTrack: Hashable, Sendable {
  /// The announced SSRC (`a=ssrc`). Nil: the first stream whose mid, or else whose payload type, fits and which
  /// belongs to no other track.
  public var ssrc: UInt32?
  /// The media section's `a=mid`, at most 16 bytes.
  public var mid: String?
  public var payloadType: UInt8
  public var codec: TrackCodec
  /// `a=extmap` id of `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464).
  public var levelExtensionID: UInt8?
  /// `a=extmap` id of `urn:ietf:params:rtp-hdrext:sdes:mid`.
  public var midExtensionID: UInt8?

  public init(
    ssrc: UInt32?, mid: String? = nil, payloadType: UInt8, codec: TrackCodec = .opus, levelExtensionID: UInt8? = nil,
    midExtensionID: UInt8? = nil
  ) {
    self.ssrc = ssrc
    self.mid = mid
    self.payloadType = payloadType
    self.codec = codec
    self.levelExtensionID = levelExtensionID
    self.midExtensionID = midExtensionID
  }
}

/// The stream in which a WebRTC peer gets one track. The same `ssrc` may be given to another track later: its
/// sequence numbers and timestamps go on without a break.
public struct SendTrack: Hashable, Sendable {
  public var ssrc: UInt32
  public var payloadType: UInt8
  public var codec: TrackCodec
  /// The media section's `a=mid`, at most 16 bytes; sent in every packet when `midExtensionID` is there.
  public var mid: String?
  public var midExtensionID: UInt8?

  public init(
    ssrc: UInt32, payloadType: UInt8, codec: TrackCodec = .opus, mid: String? = nil, midExtensionID: UInt8? = nil
  ) {
    self.ssrc = ssrc
    self.payloadType = payloadType
    self.codec = codec
    self.mid = mid
    self.midExtensionID = midExtensionID
  }
}

/// A data channel that our side opens (RFC 8832).
public struct DataChannelOptions: Hashable, Sendable {
  public var label: String
  public var isOrdered: Bool
  /// Nil: reliable.
  public var maxRetransmits: UInt16?

  public init(label: String, isOrdered: Bool = true, maxRetransmits: UInt16? = nil) {
    self.label = label
    self.isOrdered = isOrdered
    self.maxRetransmits = maxRetransmits
  }

  public static let reliable = DataChannelOptions(label: "_reliable")
  public static let lossy = DataChannelOptions(label: "_lossy", isOrdered: false, maxRetransmits: 0)
}
