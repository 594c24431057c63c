import API
import AgentCore
import Base
import Linux
import LiveKitProtocol
import Logging
import RoomCore
import Telephony
import WebServer

/// Agent workers on `/agent`: performs what `AgentPool` decides.
extension RoomServer {
  // MARK: Workers

  /// Serves one worker until its connection ends.
  /// - Parameter apiKey: the issuer of the worker's token.
  func serveWorker(_ connection: WebSocketConnection, apiKey: String) async {
    let id = workers.open(connection, apiKey: apiKey)
    handle(.connected(id))
    for await message in connection.messages {
      let (coding, request) = await WorkerSessions.decode(message)
      guard workers[id] != nil else { break }
      workers.setCoding(of: id, coding)
      guard let request else {
        connection.close(code: 1007, reason: "not a worker's message")
        break
      }
      handle(.message(id, request))
    }
    if workers.remove(id) != nil { handle(.disconnected(id)) }
  }

  // MARK: Rooms

  /// Tells the pool what happened in rooms. Not in the middle of a room's own actions: the pool may ask for more.
  func tellAgents() {
    guard !workers.isTelling else { return }
    workers.isTelling = true
    defer { workers.isTelling = false }
    while !workers.news.isEmpty { handle(workers.news.removeFirst()) }
  }

  func letAgentsTimePass() { handle(.tick) }

  /// What a caller in a room waits for.
  func awaitedAgent(in room: String) -> AwaitedAgent? { AwaitedAgent(workers.pool.situation(of: room)) }

  private func handle(_ input: AgentInput) { perform(workers.pool.handle(input, now: MonotonicClock.now())) }

  private func perform(_ actions: [AgentAction]) {
    for action in actions {
      switch action {
      case .send(let id, let message): workers.send(message, to: id)
      case .close(let id, let reason): workers.remove(id)?.connection.close(code: 1008, reason: reason)
      case .mint(let request): mint(request)
      case .removeParticipant(let room, let identity):
        // Gone by itself meanwhile: all the better.
        if let actions = try? core.removeParticipant(identity, of: room, now: MonotonicClock.now()) { perform(actions) }
      case .situationChanged(let room, let situation): tellCallers(of: room, situation)
      case .note(let note): log.agentNote(note)
      }
    }
  }

  private func mint(_ request: AgentTokenRequest) {
    guard let session = workers[request.worker], let secret = workers.secrets[session.apiKey] else {
      return handle(.minted(request, token: nil))
    }
    let now = Int64(WallClock.now())
    let token = AccessToken(
      apiKey: session.apiKey, grants: request.grants, notBefore: now, expires: now + AgentTokenRequest.lifetimeSeconds)
    Task {
      let signed = try? await token.signed(with: secret)
      handle(.minted(request, token: signed))
    }
  }

  private func tellCallers(of room: String, _ situation: AgentSituation) {
    let awaited = AwaitedAgent(situation)
    let isHeard = notifyCallers(of: room, .agentAwaited(awaited))
    guard !isHeard, let awaited, awaited.isNamed, awaited.isMissing else { return }
    log.notice("a room waits for \(awaited.sentence)", metadata: ["room": "\(room)"])
  }
}

// MARK: Dispatches

extension RoomServer: AgentDispatching {
  /// A room that is not there is made, for this agent alone, where joining would make it too.
  func createDispatch(_ request: Livekit_CreateAgentDispatchRequest) throws(TwirpError) -> Livekit_AgentDispatch {
    if let reason = workers.pool.violation(of: request) { throw TwirpError(.invalidArgument, reason) }
    if core.configuration.autoCreate, !workers.pool.knows(request.room) {
      return try createRoom(for: request)
    }
    do {
      let (dispatch, actions) = try workers.pool.createDispatch(request, now: MonotonicClock.now())
      perform(actions)
      return dispatch
    } catch {
      throw TwirpError(error)
    }
  }

  private func createRoom(for request: Livekit_CreateAgentDispatchRequest) throws(TwirpError) -> Livekit_AgentDispatch {
    var agent = Livekit_RoomAgentDispatch()
    agent.agentName = request.agentName
    agent.metadata = request.metadata
    agent.restartPolicy = request.restartPolicy
    agent.deployment = request.deployment
    agent.attributes = request.attributes
    var room = Livekit_CreateRoomRequest()
    room.name = request.room
    room.agents = [agent]
    _ = try createRoom(room)
    guard let dispatch = try dispatches(of: request.room, id: "").first else {
      throw TwirpError(.internal, "the room was closed at once")
    }
    return dispatch
  }

  func listDispatch(
    _ request: Livekit_ListAgentDispatchRequest
  ) throws(TwirpError) -> Livekit_ListAgentDispatchResponse {
    var response = Livekit_ListAgentDispatchResponse()
    response.agentDispatches = try dispatches(of: request.room, id: request.dispatchID)
    return response
  }

  func deleteDispatch(_ request: Livekit_DeleteAgentDispatchRequest) throws(TwirpError) -> Livekit_AgentDispatch {
    do {
      let (dispatch, actions) = try workers.pool.deleteDispatch(
        request.dispatchID, of: request.room, now: MonotonicClock.now())
      perform(actions)
      return dispatch
    } catch {
      throw TwirpError(error)
    }
  }

  private func dispatches(of room: String, id: String) throws(TwirpError) -> [Livekit_AgentDispatch] {
    do {
      return try workers.pool.dispatches(of: room, id: id)
    } catch {
      throw TwirpError(error)
    }
  }
}

extension TwirpError {
  init(_ error: AgentError) {
    let code: Code =
      switch error.code {
      case .invalidArgument: .invalidArgument
      case .notFound: .notFound
      case .resourceExhausted: .resourceExhausted
      }
    self.init(code, error.reason)
  }
}

extension AwaitedAgent {
  /// Nil when nobody is waited for.
  init?(_ situation: AgentSituation) {
    guard case .awaited(let wait) = situation else { return nil }
    self.init(sentence: wait.sentence, isNamed: wait.isNamed, isMissing: wait.cause != .asked)
  }
}

extension Logger {
  func agentNote(_ note: AgentNote) {
    func facts(_ job: JobNote) -> Metadata {
      ["job": "\(job.jobID)", "room": "\(job.room)", "agent": "\(job.agentName)", "worker": "\(job.worker)"]
    }
    switch note {
    case .workerRegistered(let worker, let group, let version):
      info(
        "a worker registered",
        metadata: [
          "worker": "\(worker)", "agent": "\(group.agentName)", "jobs": "\(group.type.label)", "version": "\(version)",
        ])
    case .workerRefused(let reason): notice("a worker was refused", metadata: ["why": "\(reason)"])
    case .workerLeft(let worker, let group, let jobs):
      info("a worker is gone", metadata: ["worker": "\(worker)", "agent": "\(group.agentName)", "jobs": "\(jobs)"])
    case .jobAssigned(let job): info("a job was assigned", metadata: facts(job))
    case .jobPassedOn(let job, let reason):
      notice("a job was passed on", metadata: facts(job).merging(["why": "\(reason)"]) { $1 })
    case .jobEnded(let job, let error):
      if error.isEmpty {
        info("a job ended", metadata: facts(job))
      } else {
        notice("a job failed", metadata: facts(job).merging(["why": "\(error)"]) { $1 })
      }
    case .jobGivenUp(let job, let error):
      warning("a job was given up", metadata: facts(job).merging(["why": "\(error)"]) { $1 })
    case .jobNotMade(let room, let agentName):
      warning("there are too many jobs", metadata: ["room": "\(room)", "agent": "\(agentName)"])
    }
  }
}

extension Livekit_JobType {
  fileprivate var label: String {
    switch self {
    case .jtRoom: "rooms"
    case .jtParticipant: "participants"
    case .jtPublisher: "publishers"
    case .UNRECOGNIZED: "unknown"
    }
  }
}
