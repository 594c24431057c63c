import API
import AgentCore
import Base
import Linux
import LiveKitProtocol
import Logging
import MediaCore
import MediaIO
import RoomCore
import SIP
import Telephony
import WebServer

/// Hosts the rooms: performs what `RoomServerCore` decides, on WebSockets and media loops.
actor RoomServer {
  var core: RoomServerCore
  private let loops: [MediaLoop]
  private let options: RoomMediaOptions
  let log: Logger
  private var webhooks: RoomWebhooks
  private var sessions: [SessionID: SignalSession] = [:]
  private var nextSession: UInt64 = 1
  private var callers: [PhoneLegID: Caller] = [:]
  private var callersBySID: [String: PhoneLegID] = [:]
  /// Calls of methods of participants that wait for their answers (`PerformRpc`).
  var pendingCalls: [String: PendingMethodCall] = [:]
  /// Agent workers and what they are to do.
  var workers: WorkerSessions

  struct Caller {
    let sid: String
    let room: String
    var notify: @Sendable (CallerRoomEvent) -> Void
    /// Sids of the tracks whose sound has reached the caller.
    var hearing: Set<String> = []
  }

  private var floods = FloodLog()
  private var dropped = FloodLog.Counts()

  /// Work for the room server that must be done in the order of its posting.
  typealias Job = @Sendable (isolated RoomServer) -> Void

  init(
    configuration: RoomServerConfiguration, loops: [MediaLoop], options: RoomMediaOptions, log: Logger,
    workers: WorkerSessions, webhooks: (any WebhookEvents)? = nil
  ) {
    core = RoomServerCore(configuration: configuration)
    self.loops = loops
    self.options = options
    self.log = log
    self.workers = workers
    self.webhooks = RoomWebhooks(webhooks)
  }

  // MARK: Clients

  func refusal(of intent: JoinIntent) -> JoinRefusal? { core.refusal(of: intent) }

  /// Serves one client until its connection ends.
  func serve(_ connection: WebSocketConnection, intent: JoinIntent) async {
    let id = SessionID(rawValue: nextSession)
    nextSession += 1
    sessions[id] = SignalSession(connection: connection)
    handle(.join(id, intent))
    for await message in connection.messages {
      let (coding, request) = await SignalSession.decode(message)
      guard sessions[id] != nil else { break }
      sessions[id]?.coding = coding
      guard let request else {
        connection.close(code: 1007, reason: "not a signalling request")
        break
      }
      handle(.request(id, request))
    }
    if sessions.removeValue(forKey: id) != nil { handle(.sessionClosed(id)) }
  }

  // MARK: Media and time

  /// Feeds what the media loops report, until the queue is closed.
  func consume(_ queue: MediaEventQueue) async {
    for await event in queue.events {
      if let input = RoomInput(event) { handle(input) }
      queue.finishedHandling(event)
      dropped.dataPacketsNotReported = queue.droppedCount
    }
  }

  /// Does what calls ask of their rooms, in order, until the stream ends.
  func work(_ jobs: AsyncStream<Job>) async {
    for await job in jobs { job(self) }
  }

  /// Lets time pass until the task is cancelled.
  func keepTime() async {
    while (try? await Task.sleep(for: .milliseconds(250))) != nil {
      handle(.tick)
      letAgentsTimePass()
      reportFloods()
    }
  }

  private func reportFloods() {
    dropped.rooms = core.counters
    guard let line = floods.line(dropped, now: MonotonicClock.now()) else { return }
    log.warning("clients sent more than they may", metadata: line)
  }

  // MARK: Callers

  /// Joins a call to its room, which is made when it is not there. `notify` is called before this returns too.
  func join(
    _ call: PhoneLegID, as participant: LocalParticipant, room: String, configuration: Livekit_RoomConfiguration?,
    notify: @escaping @Sendable (CallerRoomEvent) -> Void
  ) throws(RoomError) -> LocalJoin {
    let (join, actions) = try core.joinLocal(
      participant, room: room, configuration: configuration, now: MonotonicClock.now())
    callers[call] = Caller(sid: join.participantSID, room: room, notify: notify)
    callersBySID[join.participantSID] = call
    perform(actions)
    reportOccupancy(of: room)
    notify(.agentAwaited(awaitedAgent(in: room)))
    return join
  }

  /// Nothing when the call is in no room, or not any more.
  func leave(_ call: PhoneLegID, reason: DisconnectReason) {
    guard let caller = remove(call) else { return }
    let reason = Livekit_DisconnectReason(rawValue: reason.rawValue) ?? .unknownReason
    perform(core.leaveLocal(caller.sid, reason: reason, now: MonotonicClock.now()))
  }

  /// The participant of one call becomes that of another. Nothing when the first one is in no room.
  func rebind(_ old: PhoneLegID, to new: PhoneLegID, notify: @escaping @Sendable (CallerRoomEvent) -> Void) {
    guard var caller = remove(old) else { return }
    caller.notify = notify
    callers[new] = caller
    callersBySID[caller.sid] = new
    reportOccupancy(of: caller.room)
  }

  func update(_ call: PhoneLegID, attributes: [String: String]) {
    guard let sid = callers[call]?.sid else { return }
    perform(core.updateLocal(sid, attributes: attributes, now: MonotonicClock.now()))
  }

  /// A digit that the caller pressed, for everyone in the room.
  func sendDigit(_ digit: DTMFDigit, from call: PhoneLegID) {
    guard let sid = callers[call]?.sid else { return }
    var packet = Livekit_DataPacket()
    packet.sipDtmf.code = digit.code
    packet.sipDtmf.digit = digit.text
    sendLocal(packet, as: sid)
  }

  /// Sends data as a call's participant.
  func sendLocal(_ packet: Livekit_DataPacket, as sid: String) {
    perform(core.sendLocal(sid, packet, now: MonotonicClock.now()))
  }

  private func remove(_ call: PhoneLegID) -> Caller? {
    guard let caller = callers.removeValue(forKey: call) else { return nil }
    callersBySID[caller.sid] = nil
    return caller
  }

  // MARK: Decisions and their effects

  private func handle(_ input: RoomInput) { perform(core.handle(input, now: MonotonicClock.now())) }

  func perform(_ actions: [RoomAction]) {
    for action in actions {
      switch action {
      case .send(let ids, let message): send(message, to: ids)
      case .close(let id, let code, let reason):
        sessions.removeValue(forKey: id)?.connection.close(code: code, reason: reason)
      case .media(let loop, let action): post(action, to: loops[loop])
      case .event(let event): report(event)
      }
    }
    tellAgents()
  }

  private func post(_ action: RoomMediaAction, to loop: MediaLoop) {
    if let command = MediaCommand(action, options: options), loop.post(command) { return }
    if case .sendData = action {
      dropped.dataPacketsNotSent += 1
      return
    }
    log.error("a media command was not taken", metadata: ["loop": "\(loop.index)"])
  }

  private func send(_ message: Livekit_SignalResponse, to ids: [SessionID]) {
    var encoded: [SignalCoding: [UInt8]] = [:]
    for id in ids {
      guard let session = sessions[id] else { continue }
      if encoded[session.coding] == nil { encoded[session.coding] = session.coding.encode(message) }
      if let bytes = encoded[session.coding] { session.send(bytes) }
    }
  }

  private func report(_ event: RoomEvent) {
    webhooks.report(event)
    if let news = AgentInput(event) { workers.news.append(news) }
    switch event {
    case .localRemoved(let sid, let reason):
      callersBySID[sid].flatMap(remove)?.notify(reason == .roomDeleted ? .roomDeleted : .removed)
    case .localHears(let sid, _, let track):
      guard let call = callersBySID[sid], let room = callers[call]?.room else { return }
      callers[call]?.hearing.insert(track.sid)
      reportOccupancy(of: room)
    case .localData(let sid, let packet):
      guard let caller = callersBySID[sid].flatMap({ callers[$0] }) else { return }
      receive(packet, for: caller)
    case .participantJoined(let room, let participant):
      note("a participant joined", room, participant)
      reportOccupancy(of: room.name)
    case .participantLeft(let room, let participant):
      note("a participant left", room, participant)
      abandonCalls(of: participant.identity, in: room.name)
      reportOccupancy(of: room.name)
    case .roomStarted(let room, _):
      log.info("a room started", metadata: ["room": "\(room.name)", "sid": "\(room.sid)"])
    case .roomFinished(let room, _): log.info("a room ended", metadata: ["room": "\(room.name)", "sid": "\(room.sid)"])
    case .trackPublished(let room, let participant, let track):
      log.debug(
        "a track was published",
        metadata: ["room": "\(room.name)", "participant": "\(participant.identity)", "track": "\(track.sid)"])
      reportOccupancy(of: room.name)
    case .trackUnpublished(let room, _, _): reportOccupancy(of: room.name)
    case .serverAnswered(let participant, let packet): answered(packet, by: participant)
    case .localChanged(let participant):
      callersBySID[participant.sid].flatMap { callers[$0] }?.notify(.attributes(participant.attributes))
    case .participantActive, .participantDropped, .participantResumed, .localHeard, .localMuted: break
    }
  }

  private func receive(_ packet: Livekit_DataPacket, for caller: Caller) {
    switch packet.value {
    case .sipDtmf(let dtmf): caller.notify(.digits(dtmf.digit))
    case .rpcRequest(let request): answer(request, from: packet.participantIdentity, for: caller)
    default: break
    }
  }

  private func note(_ message: Logger.Message, _ room: Livekit_Room, _ participant: Livekit_ParticipantInfo) {
    log.info(
      message,
      metadata: ["room": "\(room.name)", "participant": "\(participant.identity)", "sid": "\(participant.sid)"])
  }

  /// Tells the callers of a room something. False: there are none.
  func notifyCallers(of room: String, _ event: CallerRoomEvent) -> Bool {
    let inRoom = callers.values.filter { $0.room == room }
    for caller in inRoom { caller.notify(event) }
    return !inRoom.isEmpty
  }

  /// Tells each caller of a room who else is there. Hidden participants do not count: nobody knows of them.
  private func reportOccupancy(of room: String) {
    let inRoom = callers.values.filter { $0.room == room }
    guard !inRoom.isEmpty, let everyone = try? core.participants(of: room) else { return }
    let present = everyone.filter { $0.state != .disconnected && !$0.permission.hidden }
    let tracks = Set(present.flatMap(\.tracks).map(\.sid))
    for caller in inRoom {
      let others = present.filter { $0.sid != caller.sid }
      caller.notify(
        .occupancy(
          RoomOccupancy(
            participants: others.count, phones: others.count { $0.kind == .sip },
            subscribedTracks: caller.hearing.intersection(tracks).count)))
    }
  }
}
