import RoomCore
import SDP

/// What all sessions of a gateway share.
public struct RoomClientConfiguration: Sendable {
  public var url: RoomServerURL
  /// Ours, for the server's log.
  public var version: String
  /// What calls are published in.
  public var codec = RoomCodec.opus
  /// A first join that has not succeeded after this long has failed, retries included.
  public var joinTimeout = Duration.seconds(10)
  /// From the beginning of one WebSocket to the server's first message on it.
  public var connectTimeout = Duration.seconds(6)
  /// From a join to connected media, and from an offer of ours to its answer.
  public var mediaTimeout = Duration.seconds(15)
  /// From the end of a transport to a join anew, for the word of leave that may be on its way.
  public var leavePatience = Duration.milliseconds(500)
  /// From a packet to the word of leave, which would overtake it: answers to calls of methods, and keys.
  public var dataPatience = Duration.milliseconds(250)
  /// Between two attempts to repair media that is interrupted.
  public var repairInterval = Duration.seconds(10)
  /// Servers forget who has been gone for longer: it joins anew instead.
  public var resumeWindow = Duration.seconds(15)
  /// An outage that lasts longer ends the session.
  public var reconnectTimeout = Duration.seconds(60)
  public var limits = RoomClientLimits()

  public init(url: RoomServerURL, version: String) {
    self.url = url
    self.version = version
  }
}

/// Bounds on what a server can make a session hold or do.
public struct RoomClientLimits: Hashable, Sendable {
  /// Participants of a room that are known.
  public var participants = 5_000
  public var tracksPerParticipant = 64
  /// Audio tracks of others that are subscribed to.
  public var subscriptions = 48
  /// Audio sections of one peer connection that others' tracks come in.
  public var sections = 48
  /// Trickled candidates that wait for their description.
  public var candidates = 64
  /// Reliable packets kept until their channel opens, and for a resume.
  public var dataPackets = 64
  /// Bytes of attribute names and values that fit into the request that opens the WebSocket; more comes after the join.
  public var queryAttributesByteCount = 4_096
  /// Senders of reliable data whose last packet is remembered.
  public var dataSenders = 5_000
  /// TURN servers of a room server.
  public var relays = 8
  /// Places that a server names as its other regions.
  public var regions = 16

  public init() {}
}

/// Who joins which room.
public struct RoomClientEntry: Hashable, Sendable {
  public var roomName: String
  public var identity: String
  public var name: String
  public var metadata: String
  public var attributes: [String: String]
  /// Nil: the configuration's.
  public var url: RoomServerURL?
  /// Brought along, instead of one that is made for each join: what the server makes of it serves later joins. Empty: none.
  public var token: String

  public init(
    roomName: String, identity: String, name: String, metadata: String = "", attributes: [String: String] = [:],
    url: RoomServerURL? = nil, token: String = ""
  ) {
    self.roomName = roomName
    self.identity = identity
    self.name = name
    self.metadata = metadata
    self.attributes = attributes
    self.url = url
    self.token = token
  }
}
