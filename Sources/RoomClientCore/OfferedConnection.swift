import Base
import LiveKitProtocol
import RoomCore
import SDP

/// Our end of a peer connection, and what is known of the other.
struct ConnectionEnd: Sendable {
  let transport: MediaTransportID
  /// Where it can be reached, as the description says.
  let ports: [Endpoint]
  var ice: ICECredentials
  var origin: WebRTCOrigin
  /// The last description of the other side. Nil: the transport is not open yet.
  var remote: WebRTCDescription?
  var isDTLSClient = false
  /// The media loop has connected it.
  var isConnected = false
  /// No consent of the peer's; it may come back.
  var isInterrupted = false
  /// The media loop has given it up.
  var isFailed = false
  /// Candidates that came before the description.
  var earlyCandidates: [ICECandidate] = []
  var openChannels: Set<String> = []

  var isUp: Bool { isConnected && !isInterrupted && !isFailed }

  init(transport: MediaTransportID, ports: [Endpoint], random: inout RandomSource) {
    self.transport = transport
    self.ports = ports
    ice = .random(using: &random)
    origin = WebRTCOrigin(sessionID: random.next())
  }

  func description(_ media: RoomClientMedia, _ ice: ICECredentials) -> WebRTCTransport {
    WebRTCTransport(
      ice: ice, fingerprint: Fingerprint(digest: media.fingerprint), candidates: ports,
      maxMessageSize: RoomClientMedia.maximumMessageByteCount, isLite: false)
  }

  /// What the peer says of itself.
  func peer(_ description: WebRTCDescription, isOfferer: Bool) -> RoomICEPeer? {
    guard let ice = description.ice else { return nil }
    // The offerer nominates, and whoever faces a lite agent (RFC 8445 §6.1.1).
    return RoomICEPeer(
      ufrag: ice.usernameFragment, password: ice.password, candidates: description.candidates,
      isControlled: isOfferer || description.isICELite)
  }
}

extension ICECredentials {
  static func random(using random: inout RandomSource) -> ICECredentials {
    let name = GUID.make(using: &random)
    return ICECredentials(
      usernameFragment: String(name.prefix(8)),
      password: GUID.make(using: &random) + GUID.make(using: &random))
  }
}

/// The connection whose offers we make: the only one of `/rtc/v1`, the publisher's of `/rtc`.
struct OfferedConnection: Sendable {
  var end: ConnectionEnd
  /// Our voice comes first, then data or what others send. Sections are never removed.
  private(set) var sections: [WebRTCOffer.Section]
  let ssrc: UInt32
  /// Our name for our track.
  let clientTrackID: String
  /// Of the last offer.
  private(set) var offerID: UInt32 = 0
  private(set) var awaitingAnswerSince: MonotonicTime?
  /// Something changed while an answer was awaited.
  var isStale = false
  /// Credentials of an offer that is not answered yet.
  private var offeredICE: ICECredentials?
  /// The media loop sends our voice on it.
  var sent: RoomSendTrack?

  static let voiceMID = "0"

  /// - Parameter receptionCount: sections for others' tracks; none where they come on another connection.
  init(end: ConnectionEnd, receptionCount: Int, random: inout RandomSource) {
    self.end = end
    ssrc = UInt32.random(in: 1...UInt32.max, using: &random)
    clientTrackID = GUID.make(prefix: "voice-", using: &random)
    let track = OutgoingTrack(msid: MediaStreamID(stream: clientTrackID, track: clientTrackID), ssrc: ssrc)
    sections = [.audio(mid: Self.voiceMID, track: track)]
    for _ in 0..<receptionCount { addReception() }
    sections.append(.application(mid: String(sections.count)))
  }

  var isBidirectional: Bool { receptionCount > 0 }

  var receptionCount: Int {
    sections.count {
      if case .reception = $0 { true } else { false }
    }
  }

  mutating func addReception() { sections.append(.reception(mid: String(sections.count))) }

  /// Our next offer.
  mutating func offer(
    _ media: RoomClientMedia, codec: RoomCodec, restartsICE: Bool, random: inout RandomSource, now: MonotonicTime
  ) -> Livekit_SessionDescription {
    if restartsICE { offeredICE = .random(using: &random) }
    var builder = WebRTCOffer(transport: end.description(media, offeredICE ?? end.ice))
    builder.sentCodecs = [codec]
    var description = Livekit_SessionDescription()
    description.type = "offer"
    description.sdp = builder.build(sections, origin: end.origin).description
    end.origin.version += 1
    offerID += 1
    description.id = offerID
    awaitingAnswerSince = now
    isStale = false
    return description
  }

  /// An offer whose answer the lost WebSocket would have brought must be made again.
  mutating func forgetOffer() { awaitingAnswerSince = nil }

  /// Whether an answer is the one that is awaited. Servers that do not repeat the id of the offer say 0.
  func awaits(_ answer: Livekit_SessionDescription) -> Bool {
    awaitingAnswerSince != nil && (answer.id == offerID || answer.id == 0)
  }

  /// Takes the answer to the last offer. True when ICE begins anew with the credentials that are in `end` then.
  mutating func accept(_ answer: WebRTCDescription) -> Bool {
    let isFirst = end.remote == nil
    let restarts = !isFirst && (offeredICE != nil || end.remote?.ice != answer.ice)
    if let offered = offeredICE { end.ice = offered }
    offeredICE = nil
    awaitingAnswerSince = nil
    // RFC 5763 §5: our offers leave the choice to the answerer.
    if isFirst { end.isDTLSClient = answer.setup != .active }
    end.remote = answer
    return restarts
  }
}

/// The subscriber's connection of `/rtc`, whose offers the server makes.
struct AnsweredConnection: Sendable {
  var end: ConnectionEnd

  /// Answers the server's offer. `restarts`: ICE begins anew with the credentials that are in `end` then.
  mutating func answer(
    _ offer: WebRTCDescription, _ media: RoomClientMedia, random: inout RandomSource
  ) throws(SDPError) -> (sdp: String, builder: WebRTCAnswer, restarts: Bool) {
    let restarts = end.remote.map { offer.restartsICE(since: $0) } ?? false
    if restarts { end.ice = .random(using: &random) }
    let preferred: DTLSSetup = end.remote == nil || end.isDTLSClient ? .active : .passive
    let builder = WebRTCAnswer(transport: end.description(media, end.ice), preferredSetup: preferred)
    let sdp = try builder.build(to: offer, origin: end.origin).description
    end.origin.version += 1
    if end.remote == nil { end.isDTLSClient = builder.setup(for: offer) == .active }
    end.remote = offer
    return (sdp, builder, restarts)
  }
}

/// What is fixed of a session's media.
struct RoomClientMedia: Hashable, Sendable {
  /// SHA-256 of our certificate.
  let fingerprint: [UInt8]
  let room: MediaRoomID
  /// The call's own track.
  let track: MediaTrackID

  static let maximumMessageByteCount = 65_536
}
