import Base
import LiveKitProtocol
import RoomCore

/// One call as a participant of a room on another LiveKit server (livekit-wire 5): what is said over its WebSocket, and
/// what the media loop must do for it.
///
/// ```
///         token, ports         WebSocket           join, reconnect
///  new ─▶ preparing ─▶ connecting ──────────────────────────────▶ live
///             ▲            │  refused, silent                     │ WebSocket gone or silent, media interrupted:
///             │            ▼                                      │ resume; media gone, or told so: join anew
///             └──────── pausing ◀─────────────────────────────────┘
///          join anew       └─▶ connecting (resume)
///
///  all ──▶ ended: left, removed, room deleted, never let in, or away for too long
/// ```
///
/// - A resume keeps the participant: the same WebSocket path with `reconnect`, ICE restarted on both sides; media and data
///   channels go on where they still work. Joining anew makes another participant with the same identity.
/// - The former media goes on until the server has let the new participant in.
/// - A server with `/rtc/v1` gets one peer connection, any other two.
public struct RoomSession: Sendable {
  enum State: Hashable, Sendable {
    case new
    case preparing
    case connecting
    case live
    case pausing(until: MonotonicTime)
    /// It says so then, or when the WebSocket is open.
    case leaving(until: MonotonicTime, Livekit_DisconnectReason)
    case ended
  }

  /// What the next connection, or the one being made, is for.
  enum Purpose: Hashable, Sendable { case join, resume }

  struct Socket: Sendable {
    let id: RoomSocketID
    let openedAt: MonotonicTime
    /// The server has answered the upgrade.
    var isOpen = false
    var heardAt: MonotonicTime
    var pingedAt: MonotonicTime
  }

  public let configuration: RoomClientConfiguration
  /// Its room changes when the server moves it.
  public internal(set) var entry: RoomClientEntry
  /// Whether the server is believed to have `/rtc/v1`.
  public internal(set) var usesOnePeerConnection: Bool
  /// Empty before the first join.
  public internal(set) var participantSID = ""
  public var isEnded: Bool { state == .ended }
  /// Where it joins unless the server names another place.
  var home: RoomServerURL { entry.url ?? configuration.url }
  /// What the last WebSocket was opened with.
  public private(set) var lastTarget: RoomSocketTarget?
  /// As it was told last.
  public var presence: RoomPresence { reported }

  var state = State.new
  var purpose = Purpose.join
  var socket: Socket?
  private var socketCount: UInt32 = 0
  var url: RoomServerURL
  /// Other places of the same service, and whether they were asked for.
  var regions: [RoomServerURL] = []
  var hasAskedForRegions = false
  var token = ""
  var startedAt = MonotonicTime.zero
  /// Of the outage that lasts. Nil: all is well, or the first join is not done.
  var lostSince: MonotonicTime?
  /// The last thing that went wrong.
  var lastReason = ""
  var attempt = 0
  var isMediaLost = false
  /// Since when media that the server has agreed to has not come.
  var mediaAwaitedSince: MonotonicTime?
  var repairAt: MonotonicTime?
  /// When a packet was last sent, which may still be on its way.
  var dataSentAt: MonotonicTime?
  /// A transport has ended. A server that has sent the participant away says so beside it, on the WebSocket.
  var mediaFailure: (at: MonotonicTime, reason: String)?
  var pingInterval = Duration.seconds(5)
  var pingTimeout = Duration.seconds(15)
  var iceServers: [RoomICEServer] = []
  /// The server's wish (`force_relay`).
  var mustRelay = false

  let media: RoomClientMedia
  var publisher: OfferedConnection?
  var subscriber: AnsweredConnection?
  /// Of the join that is being made. The present ones go on until it is done.
  var nextPublisher: OfferedConnection?
  var nextSubscriber: AnsweredConnection?
  var nextTransports: [MediaTransportID] = []
  var tracks: [MediaTrackID: IncomingTrack] = [:]
  /// Sids of tracks that the server was asked for.
  var subscribed: Set<String> = []
  var roster: Roster
  var reported = RoomPresence()
  var box: DataBox
  /// Sid of our track; empty while it is not published.
  var trackSID = ""
  var isMuted = false
  var info = Livekit_ParticipantInfo()
  /// What we have set and the server has not confirmed.
  var pendingAttributes: [String: String] = [:]
  var requestID: UInt32 = 0

  private let number: UInt64
  private var lastNumber: UInt64 = 0
  var random: RandomSource
  var now = MonotonicTime.zero
  private var actions: [RoomClientAction] = []

  /// - Parameters:
  ///   - number: of the session in its process, from 1: all ids of its media are made from it.
  ///   - fingerprint: SHA-256 of our certificate.
  ///   - seed: for tests. Nil: the system's secure source.
  public init(
    _ entry: RoomClientEntry, number: UInt64, fingerprint: [UInt8], configuration: RoomClientConfiguration,
    usesOnePeerConnection: Bool = true, seed: UInt64? = nil
  ) {
    self.entry = entry
    self.configuration = configuration
    self.usesOnePeerConnection = usesOnePeerConnection
    self.number = number
    random = seed.map(RandomSource.seeded) ?? .system
    url = entry.url ?? configuration.url
    token = entry.token
    roster = Roster(limits: configuration.limits)
    box = DataBox(limits: configuration.limits)
    media = RoomClientMedia(
      fingerprint: fingerprint, room: MediaRoomID(rawValue: number << Self.idBits),
      track: MediaTrackID(rawValue: number << Self.idBits))
  }

  /// Ids of one session: 16 million transports and tracks.
  static let idBits: UInt64 = 24

  /// The session that an id belongs to.
  public static func number(of id: UInt64) -> UInt64 { id >> idBits }

  public var mediaRoom: MediaRoomID { media.room }
  public var mediaTrack: MediaTrackID { media.track }

  public mutating func handle(_ input: RoomClientInput, now: MonotonicTime) -> [RoomClientAction] {
    self.now = now
    switch state {
    case .ended: break
    case .leaving(let until, let reason): linger(until, reason, input)
    default: take(input)
    }
    defer { actions = [] }
    return actions
  }

  private mutating func take(_ input: RoomClientInput) {
    switch input {
    case .start: start()
    case .prepared(let token, let ports): prepared(token, ports)
    case .socketOpened(let id): opened(id)
    case .socketRefused(let id, let status, let reason): if id == socket?.id { refused(status, reason) }
    case .socketClosed(let id, let reason): if id == socket?.id { closed(reason) }
    case .message(let id, let message): if id == socket?.id { receive(message) }
    case .regions(let urls): found(urls)
    case .transportConnected(let id): transportConnected(id)
    case .transportInterrupted(let id): transportInterrupted(id)
    case .transportResumed(let id): transportResumed(id)
    case .transportFailed(let id, let reason): transportFailed(id, reason)
    case .localCandidate(let id, let candidate): trickle(candidate, of: id)
    case .dataChannelOpened(let id, let label): channelOpened(label, on: id)
    case .data(let id, let label, let bytes): receive(bytes, label: label, on: id)
    case .trackActive(let id): trackActive(id)
    case .setAttributes(let values): setAttributes(values)
    case .send(let packet): sendReliably(packet)
    case .leave(let reason): leave(reason)
    case .tick: tick()
    }
  }

  // MARK: What the parts share

  mutating func emit(_ action: RoomClientAction) { actions.append(action) }
  mutating func emit(_ action: RoomMediaAction) { actions.append(.media(action)) }
  mutating func emit(_ event: RoomClientEvent) { actions.append(.event(event)) }
  mutating func note(_ note: RoomClientNote) { actions.append(.event(.note(note))) }

  /// Nothing when there is no connection; what must not be lost is made up for by the next one.
  mutating func send(_ message: Livekit_SignalRequest.OneOf_Message) {
    guard let socket else { return }
    var request = Livekit_SignalRequest()
    request.message = message
    actions.append(.send(socket.id, request))
  }

  mutating func makeNumber() -> UInt64 {
    // 0 is the room's and the call's own track.
    lastNumber = lastNumber % (1 << Self.idBits - 1) + 1
    return number << Self.idBits | lastNumber
  }

  mutating func open(_ target: RoomSocketTarget) {
    socketCount &+= 1
    let id = RoomSocketID(rawValue: socketCount)
    socket = Socket(id: id, openedAt: now, heardAt: now, pingedAt: now)
    lastTarget = target
    emit(.connect(id, target))
  }
}

/// A track of someone else that the media loop receives.
struct IncomingTrack: Hashable, Sendable {
  var sid: String
  var transport: MediaTransportID
  var stream: RoomReceiveTrack
  /// Its first packet has come.
  var isActive = false
}
