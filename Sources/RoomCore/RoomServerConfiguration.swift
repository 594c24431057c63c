import Base
import SDP

/// Where the WebRTC peers of one media loop connect.
public struct MediaAddress: Hashable, Sendable {
  /// Host candidates that go into every description, the preferred first.
  public var candidates: [Endpoint]
  /// SHA-256 of the DER certificate, 32 bytes.
  public var fingerprint: [UInt8]

  public init(candidates: [Endpoint], fingerprint: [UInt8]) {
    self.candidates = candidates
    self.fingerprint = fingerprint
  }
}

public struct RoomServerConfiguration: Sendable {
  /// One per media loop, by the loop's index. A room is put on the loop with the fewest participants.
  public var mediaAddresses: [MediaAddress]
  /// Milliseconds since 1970 at `MonotonicTime.zero`: joined-at and creation times are counted from it.
  public var unixMillisecondsAtZero: Int64
  /// Whether a join creates a room that is not there. A token with `roomCreate` does so regardless.
  public var autoCreate = true
  /// A room that nobody has joined is closed after this long. A room's own setting overrides it.
  public var emptyTimeout = Duration.seconds(300)
  /// A room that everyone has left is closed after this long. A room's own setting overrides it.
  public var departureTimeout = Duration.seconds(20)
  /// How long a participant whose signalling connection dropped is kept for a resume.
  public var resumeTimeout = Duration.seconds(5)
  /// From a join to a connected transport, and from an offer of ours to its answer.
  public var negotiationTimeout = Duration.seconds(20)
  /// What the client is told; it pings this often and gives up after `pingTimeout` without an answer.
  public var pingInterval = Duration.seconds(5)
  public var pingTimeout = Duration.seconds(15)
  /// The LiveKit server version we say we are: clients enable features by it.
  public var serverVersion = "1.9.0"
  public var region = ""
  public var nodeID = ""
  /// The codec of SIP participants' tracks. Clients publish in the one that they prefer.
  public var codec = RoomCodec.opus
  /// Room RPC methods (livekit-wire A.9) that the gateway answers for SIP participants; others get error 1400.
  public var localRPCMethods: Set<String> = []
  public var limits = RoomLimits()

  public init(mediaAddresses: [MediaAddress], unixMillisecondsAtZero: Int64) {
    self.mediaAddresses = mediaAddresses
    self.unixMillisecondsAtZero = unixMillisecondsAtZero
  }
}

/// Bounds on what clients can make the room server hold or do.
public struct RoomLimits: Hashable, Sendable {
  public var rooms = 10_000
  /// Also when a room asks for more.
  public var participantsPerRoom = 500
  public var tracksPerParticipant = 16
  /// Names, identities, track names, client ids: bytes each.
  public var nameByteCount = 256
  /// Bytes of a participant's or room's metadata, and of all attribute names and values of a participant.
  public var metadataByteCount = 64_000
  public var attributesByteCount = 64_000
  /// Features of its own that a client names to the others.
  public var capabilities = 16
  /// Media sections of one peer connection.
  public var sections = 240
  /// Bytes of one data packet.
  public var dataByteCount = 65_536
  /// Bytes of the digits of one `sip_dtmf` packet; a call keeps 64 digits and pauses waiting.
  public var digitsByteCount = 64
  /// Bytes of the payload of a classic RPC.
  public var rpcPayloadByteCount = 15 * 1_024
  /// Bytes of a method's name that the API may call.
  public var rpcMethodByteCount = 64
  /// Signalling requests of one session: a steady rate, and how many may come at once.
  public var requestsPerSecond = 50
  public var requestBurst = 500
  /// Requests beyond both, which are dropped, until the client is sent away. Forgiven at the steady rate.
  public var excessRequests = 1_000
  /// Data packets of one participant.
  public var dataPacketsPerSecond = 1_000
  public var dataPacketBurst = 2_000
  /// Reliable packets kept for a participant whose data channel is not open yet.
  public var queuedDataPackets = 64
  public var queuedDataByteCount = 256 * 1_024
  /// Departures remembered for a participant whose signalling connection dropped.
  public var missedUpdates = 256

  public init() {}

  /// Signalling requests of one session: a burst is ten times the rate, and twice the burst may be dropped before the
  /// client is sent away.
  public mutating func allowRequests(perSecond rate: Int) {
    requestsPerSecond = rate
    requestBurst = 10 * rate
    excessRequests = 20 * rate
  }

  /// Data packets of one participant: a burst is twice the rate.
  public mutating func allowDataPackets(perSecond rate: Int) {
    dataPacketsPerSecond = rate
    dataPacketBurst = 2 * rate
  }
}
