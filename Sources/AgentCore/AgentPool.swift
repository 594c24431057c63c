import Base
import LiveKitProtocol

/// Who of the connected agent workers joins which room: the server's side of LiveKit's agent protocol (livekit-wire
/// 5.8). A value without clock, socket or thread: inputs go in, actions come out, to be performed in order.
///
/// - A dispatch is a wish for an agent of some name in a room; each job type that a worker of that name has registered
///   for makes jobs of it: one for the room, for each participant, or for each publisher.
/// - A room that names no agents gets a dispatch for workers without a name.
/// - A job is offered to one worker of its group at a time, chosen at random by free load. One that declines, is
///   silent or disconnects passes it on; when all have declined they are asked again a little later.
/// - A job that fails, or whose worker and agent are gone, is made anew, unless its restart policy says never.
/// - An agent goes on while its worker's connection is lost: the worker claims its jobs when it is back.
public struct AgentPool: Sendable {
  public let configuration: AgentPoolConfiguration

  var workers: [WorkerID: Worker] = [:]
  /// Registered workers.
  var workersByGroup: [WorkerGroup: [WorkerID]] = [:]
  var groupsByName: [AgentName: [WorkerGroup]] = [:]
  var rooms: [String: AgentRoom] = [:]
  /// Those that are not over.
  var jobs: [String: AgentJob] = [:]
  /// Jobs to be offered, the oldest first.
  var waiting: [WorkerGroup: [String]] = [:]
  /// Jobs with a deadline.
  var timed: Set<String> = []

  var random: RandomSource
  var now = MonotonicTime.zero
  var actions: [AgentAction] = []
  var messagesOverRate = 0
  private var lastJobNumber: UInt64 = 0
  /// Groups whose waiting jobs may find a worker.
  private var groupsToOffer: [WorkerGroup] = []
  /// Rooms whose situation may have changed.
  private var roomsToReview: Set<String> = []

  /// - Parameter seed: makes all names and choices predictable, for tests. Nil: they are random.
  public init(configuration: AgentPoolConfiguration, seed: UInt64? = nil) {
    self.configuration = configuration
    random = seed.map(RandomSource.seeded) ?? .system
  }

  var limits: AgentLimits { configuration.limits }
  var unixNanoseconds: Int64 { configuration.unixNanosecondsAtZero &+ now.nanoseconds }

  /// Registered or about to.
  public var workerCount: Int { workers.count }
  /// Jobs that are not over.
  public var jobCount: Int { jobs.count }
  /// Messages of workers that were dropped because there were too many.
  public var droppedMessageCount: Int { messagesOverRate }

  public func knows(_ room: String) -> Bool { rooms[room] != nil }

  /// What the agents of a room are about.
  public func situation(of room: String) -> AgentSituation { rooms[room]?.situation ?? .none }

  public mutating func handle(_ input: AgentInput, now: MonotonicTime) -> [AgentAction] {
    self.now = now
    switch input {
    case .connected(let id): connect(id)
    case .message(let id, let message): handle(message, from: id)
    case .disconnected(let id): disconnect(id)
    case .minted(let request, let token): assign(request, token: token)
    case .roomStarted(let room, let agents): start(room, agents: agents)
    case .roomFinished(let name): finish(name)
    case .participantJoined(let room, let info): join(info, room)
    case .participantDropped(let room, let identity): setConnected(identity, in: room, false)
    case .participantResumed(let room, let identity): setConnected(identity, in: room, true)
    case .participantLeft(let room, let info): leave(info, room)
    case .trackPublished(let room, let info): publish(info, room)
    case .tick: tick()
    }
    return finishTurn()
  }

  private mutating func handle(_ message: Livekit_WorkerMessage, from id: WorkerID) {
    guard workers[id]?.messages.take(now: now) == true else {
      messagesOverRate += workers[id] == nil ? 0 : 1
      return
    }
    switch message.message {
    case .register(let request): register(id, request)
    case .ping(let ping): answer(ping, of: id)
    case _ where workers[id]?.registration == nil: refuse(id, "a message came before register")
    case .availability(let response): answer(response, of: id)
    case .updateWorker(let update): self.update(id, update)
    case .updateJob(let update): self.update(update, of: id)
    case .migrateJob(let request): claim(request.jobIds, by: id)
    case .simulateJob(let request): simulate(request, by: id)
    case nil: break
    }
  }

  private mutating func tick() {
    let silent = workers.filter {
      $0.value.registration == nil && now - $0.value.connectedAt >= configuration.registrationTimeout
    }
    for id in silent.keys.sorted() {
      refuse(id, "no register within \(configuration.registrationTimeout.components.seconds) s")
    }
    let expired = timed.compactMap { jobs[$0] }.filter { $0.deadline.map { $0 <= now } ?? false }
    for job in expired.sorted(by: { $0.number < $1.number }) {
      setDeadline(of: job.id, nil)
      expire(job)
    }
  }

  // MARK: Shared by the extensions

  mutating func nextJobNumber() -> UInt64 {
    lastJobNumber += 1
    return lastJobNumber
  }

  mutating func makeID(_ prefix: String) -> String { GUID.make(prefix: prefix, using: &random) }

  mutating func send(_ message: Livekit_ServerMessage.OneOf_Message, to id: WorkerID) {
    var envelope = Livekit_ServerMessage()
    envelope.message = message
    actions.append(.send(id, envelope))
  }

  mutating func setDeadline(of job: String, _ deadline: MonotonicTime?) {
    jobs[job]?.deadline = deadline
    if deadline == nil { timed.remove(job) } else { timed.insert(job) }
  }

  mutating func setPhase(of job: String, _ phase: AgentJob.Phase, within limit: Duration? = nil) {
    jobs[job]?.phase = phase
    setDeadline(of: job, limit.map { now + $0 })
    if let room = jobs[job]?.room { review(room) }
  }

  mutating func offerLater(_ group: WorkerGroup) { groupsToOffer.append(group) }
  mutating func review(_ room: String) { roomsToReview.insert(room) }

  /// The actions of this turn, after what has become possible by it.
  mutating func finishTurn() -> [AgentAction] {
    while !groupsToOffer.isEmpty {
      for group in groupsToOffer.drain() { offerWaiting(of: group) }
    }
    for name in roomsToReview.sorted() {
      guard let room = rooms[name] else { continue }
      let situation = currentSituation(of: room)
      guard situation != room.situation else { continue }
      rooms[name]?.situation = situation
      actions.append(.situationChanged(room: name, situation))
    }
    roomsToReview = []
    return actions.drain()
  }
}

extension Array {
  /// Empties the array and returns what was in it.
  fileprivate mutating func drain() -> [Element] {
    defer { self = [] }
    return self
  }
}
