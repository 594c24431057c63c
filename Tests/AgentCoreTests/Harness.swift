import Base
import LiveKitProtocol

@testable import AgentCore

/// A pool in virtual time with the workers that speak to it.
final class Harness {
  var pool: AgentPool
  private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  private(set) var workers: [WorkerID: TestWorker] = [:]
  private(set) var removed: [String] = []
  private(set) var notes: [AgentNote] = []
  private(set) var situations: [String: [AgentSituation]] = [:]
  private var rooms: [String: Livekit_Room] = [:]
  private var nextWorker: UInt64 = 1
  private var nextSID = 1
  /// Tokens are signed at once; false: they cannot be.
  var canSign = true
  /// True: tokens wait in `unsigned` instead.
  var signsLater = false
  private(set) var unsigned: [AgentTokenRequest] = []

  init(seed: UInt64 = 7, _ change: (inout AgentPoolConfiguration) -> Void = { _ in }) {
    var configuration = AgentPoolConfiguration(unixNanosecondsAtZero: 1_700_000_000_000_000_000)
    configuration.serverInfo.protocol = 16
    change(&configuration)
    pool = AgentPool(configuration: configuration, seed: seed)
  }

  // MARK: Workers

  func connect() -> TestWorker {
    let worker = TestWorker(WorkerID(rawValue: nextWorker), harness: self)
    nextWorker += 1
    workers[worker.id] = worker
    perform(.connected(worker.id))
    return worker
  }

  /// A connected and registered worker that says it can take jobs.
  func worker(
    _ name: String = "", type: Livekit_JobType = .jtRoom, namespace: String = "", deployment: String = "",
    load: Float = 0
  ) -> TestWorker {
    let worker = connect()
    worker.register(name, type: type, namespace: namespace, deployment: deployment)
    worker.report(load: load)
    return worker
  }

  // MARK: Rooms

  func open(_ name: String, agents: [String] = [], _ change: (inout Livekit_RoomAgentDispatch) -> Void = { _ in }) {
    var room = Livekit_Room()
    room.name = name
    room.sid = "RM_\(name)"
    rooms[name] = room
    perform(
      .roomStarted(
        room,
        agents: agents.map { agent in
          var dispatch = Livekit_RoomAgentDispatch()
          dispatch.agentName = agent
          change(&dispatch)
          return dispatch
        }))
  }

  func close(_ name: String) { perform(.roomFinished(name: name)) }

  @discardableResult
  func join(
    _ identity: String, _ room: String, kind: Livekit_ParticipantInfo.Kind = .standard
  ) -> Livekit_ParticipantInfo {
    var info = Livekit_ParticipantInfo()
    info.identity = identity
    info.sid = "PA_\(nextSID)"
    nextSID += 1
    info.kind = kind
    perform(.participantJoined(rooms[room] ?? Livekit_Room(), info))
    return info
  }

  func leave(
    _ info: Livekit_ParticipantInfo, _ room: String, _ reason: Livekit_DisconnectReason = .clientInitiated
  ) {
    var info = info
    info.state = .disconnected
    info.disconnectReason = reason
    perform(.participantLeft(rooms[room] ?? Livekit_Room(), info))
  }

  func publish(_ info: Livekit_ParticipantInfo, _ room: String) {
    perform(.trackPublished(rooms[room] ?? Livekit_Room(), info))
  }

  func dispatches(_ room: String) -> [Livekit_AgentDispatch] { (try? pool.dispatches(of: room)) ?? [] }
  func jobs(_ room: String) -> [Livekit_Job] { dispatches(room).flatMap(\.state.jobs) }

  func takeRemoved() -> [String] {
    defer { removed = [] }
    return removed
  }

  // MARK: Time and effects

  func perform(_ input: AgentInput) { carryOut(pool.handle(input, now: now)) }

  func advance(_ duration: Duration) {
    for _ in 0..<(duration.wholeMilliseconds / 250) {
      now += .milliseconds(250)
      perform(.tick)
    }
  }

  func carryOut(_ actions: [AgentAction]) {
    for action in actions {
      switch action {
      case .send(let id, let message): workers[id]?.inbox.append(message)
      case .close(let id, let reason): workers[id]?.closed = reason
      case .mint(let request):
        workers[request.worker]?.grants.append(request.grants)
        if signsLater {
          unsigned.append(request)
        } else {
          perform(.minted(request, token: canSign ? "token for \(request.grants.identity)" : nil))
        }
      case .removeParticipant(_, let identity): removed.append(identity)
      case .situationChanged(let room, let situation): situations[room, default: []].append(situation)
      case .note(let note): notes.append(note)
      }
    }
  }
}

/// The other end of a worker connection.
final class TestWorker {
  let id: WorkerID
  private unowned let harness: Harness
  var inbox: [Livekit_ServerMessage] = []
  var grants: [Grants] = []
  var closed: String?

  init(_ id: WorkerID, harness: Harness) {
    self.id = id
    self.harness = harness
  }

  func send(_ message: Livekit_WorkerMessage.OneOf_Message) {
    var envelope = Livekit_WorkerMessage()
    envelope.message = message
    harness.perform(.message(id, envelope))
  }

  func register(
    _ name: String = "", type: Livekit_JobType = .jtRoom, namespace: String = "", deployment: String = "",
    _ change: (inout Livekit_RegisterWorkerRequest) -> Void = { _ in }
  ) {
    var request = Livekit_RegisterWorkerRequest()
    request.agentName = name
    request.type = type
    request.namespace = namespace
    request.deployment = deployment
    request.version = "1.8.9"
    change(&request)
    send(.register(request))
  }

  func report(load: Float, isFull: Bool = false) {
    var update = Livekit_UpdateWorkerStatus()
    update.load = load
    update.status = isFull ? .wsFull : .wsAvailable
    send(.updateWorker(update))
  }

  func accept(_ job: String, _ change: (inout Livekit_AvailabilityResponse) -> Void = { _ in }) {
    var response = Livekit_AvailabilityResponse()
    response.jobID = job
    response.available = true
    response.participantIdentity = "agent-\(job)"
    change(&response)
    send(.availability(response))
  }

  func decline(_ job: String, terminate: Bool = false) {
    var response = Livekit_AvailabilityResponse()
    response.jobID = job
    response.terminate = terminate
    send(.availability(response))
  }

  func update(_ job: String, _ status: Livekit_JobStatus) {
    var update = Livekit_UpdateJobStatus()
    update.jobID = job
    update.status = status
    send(.updateJob(update))
  }

  func claim(_ jobs: [String]) {
    var request = Livekit_MigrateJobRequest()
    request.jobIds = jobs
    send(.migrateJob(request))
  }

  func disconnect() { harness.perform(.disconnected(id)) }

  var offers: [Livekit_AvailabilityRequest] {
    inbox.compactMap { if case .availability(let offer) = $0.message { offer } else { nil } }
  }
  var assignments: [Livekit_JobAssignment] {
    inbox.compactMap { if case .assignment(let assignment) = $0.message { assignment } else { nil } }
  }
  var terminations: [String] {
    inbox.compactMap { if case .termination(let termination) = $0.message { termination.jobID } else { nil } }
  }

  /// Takes the last offer, and says that it runs.
  @discardableResult
  func run() -> String {
    guard let job = offers.last?.job.id else { return "no offer" }
    accept(job)
    update(job, .jsRunning)
    return job
  }
}
