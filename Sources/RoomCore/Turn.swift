import Base
import LiveKitProtocol

/// Where the media of one room is.
struct RoomMedia: Sendable {
  let id: MediaRoomID
  let loop: Int
  let address: MediaAddress
}

/// The handling of one input: the time, what comes out, and what all rooms share.
struct Turn: Sendable {
  /// Whose a session, transport or track is.
  struct Owner: Hashable, Sendable {
    let room: String
    let participantSID: String
  }

  let configuration: RoomServerConfiguration
  var now = MonotonicTime.zero
  var ids: IDAllocator
  var counters = RoomCounters()
  /// Participants on each media loop.
  var loopLoads: [Int]

  var sessions: [SessionID: Owner] = [:]
  var transports: [MediaTransportID: Owner] = [:]
  var tracks: [MediaTrackID: Owner] = [:]
  var locals: [String: String] = [:]
  var mediaRooms: [MediaRoomID: String] = [:]

  private var actions: [RoomAction] = []

  init(configuration: RoomServerConfiguration, seed: UInt64?) {
    self.configuration = configuration
    ids = IDAllocator(seed: seed)
    loopLoads = Array(repeating: 0, count: configuration.mediaAddresses.count)
  }

  var limits: RoomLimits { configuration.limits }

  var unixMilliseconds: Int64 {
    configuration.unixMillisecondsAtZero &+ (now - .zero).wholeMilliseconds
  }

  mutating func emit(_ action: RoomAction) { actions.append(action) }
  mutating func emit(_ event: RoomEvent) { actions.append(.event(event)) }

  mutating func emit(_ action: RoomMediaAction, on media: RoomMedia) {
    actions.append(.media(loop: media.loop, action))
  }

  mutating func send(_ message: Livekit_SignalResponse.OneOf_Message, to session: SessionID?) {
    if let session { send(message, to: [session]) }
  }

  mutating func send(_ message: Livekit_SignalResponse.OneOf_Message, to sessions: [SessionID]) {
    guard !sessions.isEmpty else { return }
    var response = Livekit_SignalResponse()
    response.message = message
    actions.append(.send(sessions, response))
  }

  /// The actions since the last call.
  mutating func takeActions() -> [RoomAction] {
    defer { actions = [] }
    return actions
  }

  /// The loop with the fewest participants.
  var idlestLoop: Int { loopLoads.indices.min { loopLoads[$0] < loopLoads[$1] } ?? 0 }
}
