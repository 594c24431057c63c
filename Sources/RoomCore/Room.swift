import Base
import LiveKitProtocol
import SDP

/// One room: who is in it, what they publish, who gets what.
struct Room: Sendable {
  let sid: String
  let name: String
  let media: RoomMedia
  /// What it was created with: agents to dispatch, tags.
  let configuration: Livekit_RoomConfiguration
  let createdAtMilliseconds: Int64
  private(set) var emptyTimeout: Duration
  private(set) var departureTimeout: Duration
  /// Clients that count towards `max_participants`; 0 means as many as the server allows.
  private(set) var maxParticipants: UInt32
  var metadata: String

  var participants: [String: Participant] = [:]
  /// Sids in the order of joining: fan-out is in the same order in every run.
  var order: [String] = []
  var sidsByIdentity: [String: String] = [:]
  /// Publisher's sid by track sid, of announced tracks too.
  private(set) var publishers: [String: String] = [:]

  /// Someone other than an agent or recorder has been here.
  var wasJoined = false
  /// Since when there is nobody but agents and recorders.
  var emptySince: MonotonicTime
  /// The counts that clients know of, and since when.
  var reported: Livekit_Room?
  var reportedAt: MonotonicTime
  var qualityReportedAt: MonotonicTime

  init(name: String, configuration: Livekit_RoomConfiguration, turn: inout Turn) {
    sid = turn.ids.sid("RM_")
    self.name = name
    self.configuration = configuration
    let loop = turn.idlestLoop
    let addresses = turn.configuration.mediaAddresses
    media = RoomMedia(
      id: MediaRoomID(rawValue: turn.ids.number()), loop: loop,
      address: addresses.indices.contains(loop) ? addresses[loop] : MediaAddress(candidates: [], fingerprint: []))
    createdAtMilliseconds = turn.unixMilliseconds
    func timeout(_ seconds: UInt32, _ standard: Duration) -> Duration { seconds == 0 ? standard : .seconds(seconds) }
    emptyTimeout = timeout(configuration.emptyTimeout, turn.configuration.emptyTimeout)
    departureTimeout = timeout(configuration.departureTimeout, turn.configuration.departureTimeout)
    maxParticipants = configuration.maxParticipants
    metadata = configuration.metadata
    emptySince = turn.now
    reportedAt = turn.now
    qualityReportedAt = turn.now
    turn.mediaRooms[media.id] = name
    turn.emit(.openRoom(media.id), on: media)
    turn.emit(.roomStarted(info, configuration))
  }

  /// Takes over what is set of a configuration; nobody who is here is put out by it.
  mutating func adopt(_ configuration: Livekit_RoomConfiguration, turn: inout Turn) {
    let before = info
    if configuration.emptyTimeout > 0 { emptyTimeout = .seconds(configuration.emptyTimeout) }
    if configuration.departureTimeout > 0 { departureTimeout = .seconds(configuration.departureTimeout) }
    if configuration.maxParticipants > 0 { maxParticipants = configuration.maxParticipants }
    if !configuration.metadata.isEmpty { metadata = configuration.metadata }
    if info != before { announceRoom(turn: &turn) }
  }

  var info: Livekit_Room {
    var info = Livekit_Room()
    info.sid = sid
    info.name = name
    info.metadata = metadata
    info.emptyTimeout = UInt32(clamping: emptyTimeout.components.seconds)
    info.departureTimeout = UInt32(clamping: departureTimeout.components.seconds)
    info.maxParticipants = maxParticipants
    info.creationTime = createdAtMilliseconds / 1_000
    info.creationTimeMs = createdAtMilliseconds
    info.numParticipants = UInt32(clamping: participants.values.count { !$0.isDependent })
    info.numPublishers = UInt32(clamping: participants.values.count { $0.isPublisher })
    info.activeRecording = participants.values.contains { $0.permission.recorder }
    info.enabledCodecs = [Livekit_Codec(.opus), Livekit_Codec(.pcmu)]
    return info
  }

  var orderedParticipants: [Participant] { order.compactMap { participants[$0] } }

  func participant(identity: String) -> Participant? { sidsByIdentity[identity].flatMap { participants[$0] } }

  /// Changes a participant where it is stored. Nil when there is none of that sid.
  @discardableResult
  mutating func change<Result>(_ sid: String, _ body: (inout Participant) -> Result) -> Result? {
    guard let index = participants.index(forKey: sid) else { return nil }
    return body(&participants.values[index])
  }

  func publisher(ofTrack trackSID: String) -> Participant? { publishers[trackSID].flatMap { participants[$0] } }

  /// Notes whose a new track is.
  mutating func register(_ track: PublishedTrack, of sid: String, turn: inout Turn) {
    publishers[track.info.sid] = sid
    turn.tracks[track.id] = Turn.Owner(room: name, participantSID: sid)
  }

  mutating func deregister(_ track: PublishedTrack, turn: inout Turn) {
    publishers[track.info.sid] = nil
    turn.tracks[track.id] = nil
  }

  /// Whether nobody is left whom the room is for, and has been for as long as it may stay.
  func isExpired(now: MonotonicTime) -> Bool {
    guard participants.values.allSatisfy(\.isDependent) else { return false }
    return now - emptySince >= (wasJoined ? departureTimeout : emptyTimeout)
  }

  // MARK: Telling clients

  /// Tells everybody who may know of it what a participant is now.
  mutating func announce(_ sid: String, includesSelf: Bool = true, turn: inout Turn) {
    guard let participant = participants[sid] else { return }
    announce(participant, includesSelf: includesSelf, turn: &turn)
  }

  /// The same for one that may be out of the room already.
  mutating func announce(_ participant: Participant, includesSelf: Bool, turn: inout Turn) {
    let info = participant.info
    var sessions: [SessionID] = []
    for sid in order where sid == participant.sid ? includesSelf : !participant.isHidden {
      if let session = participants[sid]?.session {
        sessions.append(session)
      } else if info.state == .disconnected {
        participants[sid]?.miss(info, limits: turn.limits)
      }
    }
    var update = Livekit_ParticipantUpdate()
    update.participants = [info]
    turn.send(.update(update), to: sessions)
  }

  /// Counts a participant's version up and tells everybody.
  mutating func changed(_ sid: String, turn: inout Turn) {
    participants[sid]?.version &+= 1
    announce(sid, turn: &turn)
    if let participant = participants[sid], participant.isLocal { turn.emit(.localChanged(participant.info)) }
  }

  mutating func announceRoom(turn: inout Turn) {
    var update = Livekit_RoomUpdate()
    update.room = info
    reported = update.room
    reportedAt = turn.now
    turn.send(.roomUpdate(update), to: order.compactMap { participants[$0]?.session })
  }

  /// Brings clients' connections in line with their subscriptions.
  mutating func negotiate(_ sids: [String], turn: inout Turn) {
    let media = media
    for sid in sids {
      change(sid) { $0.negotiate(media: media, turn: &turn) }
    }
  }

  // MARK: Time

  /// How often clients learn of changed counts and of connection quality.
  static let reportInterval = Duration.seconds(5)

  mutating func tick(turn: inout Turn) {
    for sid in order { checkTimeouts(of: sid, turn: &turn) }
    if turn.now - qualityReportedAt >= Self.reportInterval { reportQuality(turn: &turn) }
    if turn.now - reportedAt >= Self.reportInterval, let reported,
      reported.numParticipants != info.numParticipants || reported.numPublishers != info.numPublishers
    {
      announceRoom(turn: &turn)
    }
  }

  private mutating func checkTimeouts(of sid: String, turn: inout Turn) {
    guard let participant = participants[sid], !participant.isLocal else { return }
    let configuration = turn.configuration
    if let droppedAt = participant.droppedAt {
      if turn.now - droppedAt >= configuration.resumeTimeout {
        remove(sid, reason: .signalClose, leave: nil, turn: &turn)
      }
    } else if turn.now - participant.heardAt >= configuration.pingTimeout * 2 {
      // It neither pings nor says good-bye: the connection is dead, whatever TCP believes.
      drop(sid, turn: &turn)
    } else if !participant.isActive && turn.now - participant.joinedAt >= configuration.negotiationTimeout {
      remove(sid, reason: .connectionTimeout, leave: .reconnect, turn: &turn)
    } else if let since = participant.offering?.awaitingAnswerSince,
      turn.now - since >= configuration.negotiationTimeout
    {
      remove(sid, reason: .stateMismatch, leave: .reconnect, turn: &turn)
    }
  }

  /// Sends everybody away.
  mutating func close(_ reason: Livekit_DisconnectReason, turn: inout Turn) {
    for sid in order { remove(sid, reason: reason, leave: .disconnect, turn: &turn) }
    turn.mediaRooms[media.id] = nil
    turn.emit(.closeRoom(media.id), on: media)
    turn.emit(.roomFinished(info, reason))
  }
}

extension Livekit_Codec {
  init(_ codec: RoomCodec) {
    self.init()
    mime = codec.mimeType
  }
}

extension Participant {
  /// Keeps a departure for the time the client is back.
  mutating func miss(_ info: Livekit_ParticipantInfo, limits: RoomLimits) {
    guard !isLocal else { return }
    if missed.count < limits.missedUpdates || missed[info.sid] != nil {
      missed[info.sid] = info
    } else {
      hasMissedTooMuch = true
    }
  }
}
