import Base
import LiveKitProtocol

/// Someone in a room: a client with a signalling session, or a phone call of this gateway.
struct Participant: Sendable {
  let sid: String
  let identity: String
  let isLocal: Bool
  /// Place in the order of joining.
  let number: UInt64
  let joinedAt: MonotonicTime
  let joinedAtMilliseconds: Int64

  var name = ""
  var metadata = ""
  var attributes: [String: String] = [:]
  var kind = Livekit_ParticipantInfo.Kind.standard
  var kindDetails: [Livekit_ParticipantInfo.KindDetail] = []
  var permission = Livekit_ParticipantPermission()
  /// What its last token grants; an administrator may have changed `permission` since.
  var granted = Livekit_ParticipantPermission()
  var state = Livekit_ParticipantInfo.State.joined
  var version: UInt32 = 1
  var disconnectReason = Livekit_DisconnectReason.unknownReason
  /// What the client says of itself and others are told.
  var clientProtocol: Int32 = 0
  var capabilities: [Livekit_ClientInfo.Capability] = []

  // Signalling.
  /// Nil for a local participant, and while the connection is lost.
  var session: SessionID?
  var droppedAt: MonotonicTime?
  var heardAt: MonotonicTime
  var requests: TokenBucket
  var excessRequests: TokenBucket
  /// Departures that a participant without a session must hear of when it resumes.
  var missed: [String: Livekit_ParticipantInfo] = [:]
  var hasMissedTooMuch = false

  // Media.
  var answering: AnsweringConnection?
  var offering: OfferingConnection?
  var tracks: [PublishedTrack] = []
  var subscriptions: [String: Subscription] = [:]
  var autoSubscribes = true
  var subscriptionPermission: SubscriptionPermission?

  // Data.
  var dataPackets: TokenBucket
  /// The last sequence number received on `_reliable`, or sent by a local participant.
  var reliableSequence: UInt32 = 0
  var queue = DataQueue()

  // What others were told.
  var reportedSpeaker: Speaker?
  var reportedQuality: Livekit_ConnectionQuality?
  /// By subscribers' receiver reports, per track sent to this participant.
  var sentReceptions: [MediaTrackID: Reception] = [:]

  init(sid: String, identity: String, isLocal: Bool, turn: inout Turn) {
    self.sid = sid
    self.identity = identity
    self.isLocal = isLocal
    number = turn.ids.number()
    joinedAt = turn.now
    joinedAtMilliseconds = turn.unixMilliseconds
    heardAt = turn.now
    requests = TokenBucket(perSecond: turn.limits.requestsPerSecond, burst: turn.limits.requestBurst, now: turn.now)
    excessRequests = TokenBucket(
      perSecond: turn.limits.requestsPerSecond, burst: turn.limits.excessRequests, now: turn.now)
    dataPackets = TokenBucket(
      perSecond: turn.limits.dataPacketsPerSecond, burst: turn.limits.dataPacketBurst, now: turn.now)
  }

  var isHidden: Bool { permission.hidden }
  /// Does not keep a room open: it is there for the others.
  var isDependent: Bool { kind == .agent || kind == .egress || permission.recorder || permission.agent }
  var isActive: Bool { state == .active }
  var isPublisher: Bool { tracks.contains { $0.isPublished } }

  /// The transport on which data goes to the client.
  var dataTransport: PeerTransport? { offering?.transport ?? answeringDataTransport }
  private var answeringDataTransport: PeerTransport? {
    answering?.isBidirectional == true ? answering?.transport : nil
  }

  /// The transport whose connection makes the participant active.
  var primaryTransport: PeerTransport? { dataTransport }

  func mayPublish(_ source: Livekit_TrackSource) -> Bool {
    permission.canPublish
      && (permission.canPublishSources.isEmpty || permission.canPublishSources.contains(source))
  }

  var info: Livekit_ParticipantInfo {
    var info = Livekit_ParticipantInfo()
    info.sid = sid
    info.identity = identity
    info.name = name
    info.metadata = metadata
    info.attributes = attributes
    info.state = state
    info.kind = kind
    info.kindDetails = kindDetails
    info.permission = permission
    info.joinedAt = joinedAtMilliseconds / 1_000
    info.joinedAtMs = joinedAtMilliseconds
    info.version = version
    info.isPublisher = isPublisher
    info.disconnectReason = disconnectReason
    info.clientProtocol = clientProtocol
    info.capabilities = capabilities
    info.tracks = tracks.filter(\.isPublished).map(\.info)
    return info
  }

  func trackIndex(sid: String) -> Int? { tracks.firstIndex { $0.info.sid == sid } }
  func trackIndex(id: MediaTrackID) -> Int? { tracks.firstIndex { $0.id == id } }
}

/// What a participant was last said to be doing.
struct Speaker: Hashable, Sendable {
  /// In sixteenths: smaller changes are not worth a message.
  var level: Int
}
