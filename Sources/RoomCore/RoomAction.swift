import Base
import LiveKitProtocol
import SDP

/// What the gateway must do, in order.
public enum RoomAction: Sendable {
  /// One message for several sessions: encode it once per coding.
  case send([SessionID], Livekit_SignalResponse)
  /// Close the WebSocket with a code of RFC 6455 §7.4.1 after what was sent; its `sessionClosed` is not needed any more.
  case close(SessionID, code: UInt16 = 1000, reason: String)
  /// For the media loop of this index.
  case media(loop: Int, RoomMediaAction)
  case event(RoomEvent)
}

/// What a media loop must do: its `MediaCommand`s under the ids allocated here.
public enum RoomMediaAction: Hashable, Sendable {
  case openRoom(MediaRoomID)
  /// Its transports are closed with it.
  case closeRoom(MediaRoomID)
  case openTransport(RoomTransport)
  case closeTransport(MediaTransportID)
  /// New credentials of ours, and of the peer's where it says them.
  case restartICE(MediaTransportID, ufrag: String, password: String, peer: RoomICEPeer? = nil)
  /// More ways to a full agent's peer.
  case addCandidates(MediaTransportID, [ICECandidate])
  case publishTrack(MediaTransportID, MediaTrackID, RoomReceiveTrack)
  case unpublishTrack(MediaTransportID, MediaTrackID)
  case setTrackMuted(MediaTrackID, Bool)
  case subscribe(MediaTransportID, MediaTrackID, RoomSendTrack)
  case unsubscribe(MediaTransportID, MediaTrackID)
  case openDataChannel(MediaTransportID, RoomDataChannel)
  case sendData(MediaTransportID, label: String, [UInt8])
}

public struct RoomTransport: Hashable, Sendable {
  public var id: MediaTransportID
  public var room: MediaRoomID
  public var localUfrag: String
  public var localPassword: String
  /// SHA-256 of the peer's certificate, 32 bytes.
  public var remoteFingerprint: [UInt8]
  public var isDTLSClient: Bool
  /// What a full ICE agent knows of its peer. Nil: we are ICE-lite and learn it.
  public var peer: RoomICEPeer?
  /// TURN servers that a full agent may use.
  public var iceServers: [RoomICEServer]

  public init(
    id: MediaTransportID, room: MediaRoomID, localUfrag: String, localPassword: String, remoteFingerprint: [UInt8],
    isDTLSClient: Bool, peer: RoomICEPeer? = nil, iceServers: [RoomICEServer] = []
  ) {
    self.id = id
    self.room = room
    self.localUfrag = localUfrag
    self.localPassword = localPassword
    self.remoteFingerprint = remoteFingerprint
    self.isDTLSClient = isDTLSClient
    self.peer = peer
    self.iceServers = iceServers
  }
}

/// A TURN server that signalling names.
public struct RoomICEServer: Hashable, Sendable {
  public var url: ICEServerURL
  public var username: String
  public var password: String

  public init(url: ICEServerURL, username: String, password: String) {
    self.url = url
    self.username = username
    self.password = password
  }
}

/// The other side of a full ICE agent of ours.
public struct RoomICEPeer: Hashable, Sendable {
  public var ufrag: String
  public var password: String
  public var candidates: [ICECandidate]
  /// We nominate.
  public var isControlled: Bool
  /// It is reached through TURN servers alone.
  public var isRelayed: Bool

  public init(
    ufrag: String, password: String, candidates: [ICECandidate] = [], isControlled: Bool = true, isRelayed: Bool = false
  ) {
    self.ufrag = ufrag
    self.password = password
    self.candidates = candidates
    self.isControlled = isControlled
    self.isRelayed = isRelayed
  }
}

public struct RoomReceiveTrack: Hashable, Sendable {
  public var ssrc: UInt32?
  public var mid: String
  public var payloadType: UInt8
  public var codec: RoomCodec
  public var levelExtensionID: UInt8?
  public var midExtensionID: UInt8?

  public init(
    ssrc: UInt32?, mid: String, payloadType: UInt8, codec: RoomCodec, levelExtensionID: UInt8? = nil,
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

public struct RoomSendTrack: Hashable, Sendable {
  public var ssrc: UInt32
  public var payloadType: UInt8
  public var codec: RoomCodec
  public var mid: String
  public var midExtensionID: UInt8?
  /// Of RFC 6464's audio level, where the peer reads it.
  public var levelExtensionID: UInt8?

  public init(
    ssrc: UInt32, payloadType: UInt8, codec: RoomCodec, mid: String, midExtensionID: UInt8? = nil,
    levelExtensionID: UInt8? = nil
  ) {
    self.ssrc = ssrc
    self.payloadType = payloadType
    self.codec = codec
    self.mid = mid
    self.midExtensionID = midExtensionID
    self.levelExtensionID = levelExtensionID
  }
}

public struct RoomDataChannel: Hashable, Sendable {
  public var label: String
  public var isOrdered: Bool
  /// Nil: reliable.
  public var maxRetransmits: UInt16?

  public static let reliable = RoomDataChannel(label: DataLabel.reliable, isOrdered: true)
  public static let lossy = RoomDataChannel(label: DataLabel.lossy, isOrdered: false, maxRetransmits: 0)
  static let dataTrack = RoomDataChannel(label: DataLabel.dataTrack, isOrdered: false, maxRetransmits: 0)
}

/// The labels of LiveKit's data channels (livekit-wire 5.6).
public enum DataLabel {
  public static let reliable = "_reliable"
  public static let lossy = "_lossy"
  public static let dataTrack = "_data_track"

  static let all: Set<String> = [reliable, lossy, dataTrack]
}
