import Base
import LiveKitProtocol

/// Finding a worker for a job.
extension AgentPool {
  /// Puts a job in the queue of its group.
  /// - Parameter isFirst: it was there before and has kept its place.
  mutating func enqueue(_ job: AgentJob, isFirst: Bool = false) {
    setPhase(of: job.id, .waiting)
    if isFirst {
      waiting[job.group, default: []].insert(job.id, at: 0)
    } else {
      waiting[job.group, default: []].append(job.id)
    }
    offerLater(job.group)
  }

  mutating func dequeue(_ job: AgentJob) {
    waiting[job.group]?.removeAll { $0 == job.id }
    if waiting[job.group]?.isEmpty == true { waiting[job.group] = nil }
  }

  mutating func offerWaiting(of group: WorkerGroup) {
    let ready = (workersByGroup[group] ?? []).filter { workers[$0]?.isFull == false }
    guard !ready.isEmpty, let queue = waiting[group] else { return }
    var left: [String] = []
    for id in queue {
      guard let job = jobs[id] else { continue }
      if let worker = choose(ready.filter { !job.declined.contains($0) && hasPlace($0) }) {
        offer(id, to: worker)
      } else {
        left.append(id)
        // A worker that declines does not tell when it would take the job.
        if job.deadline == nil { setDeadline(of: id, now + configuration.declineInterval) }
      }
    }
    waiting[group] = left.isEmpty ? nil : left
  }

  private func hasPlace(_ id: WorkerID) -> Bool { workers[id].map { $0.jobs.count < limits.jobsPerWorker } ?? false }

  /// At random, weighted by free load.
  private mutating func choose(_ candidates: [WorkerID]) -> WorkerID? {
    guard candidates.count > 1 else { return candidates.first }
    let weights = candidates.map { workers[$0]?.weight ?? 0 }
    var rest = Float.random(in: 0..<weights.reduce(0, +), using: &random)
    for (candidate, weight) in zip(candidates, weights) {
      if rest < weight { return candidate }
      rest -= weight
    }
    return candidates.last
  }

  mutating func offer(_ jobID: String, to id: WorkerID) {
    setPhase(of: jobID, .offered(id), within: configuration.availabilityTimeout)
    workers[id]?.jobs.insert(jobID)
    guard let job = jobs[jobID] else { return }
    var request = Livekit_AvailabilityRequest()
    request.job = job.message
    request.resuming = job.isResuming
    send(.availability(request), to: id)
  }

  mutating func answer(_ response: Livekit_AvailabilityResponse, of id: WorkerID) {
    guard let job = jobs[response.jobID], job.phase == .offered(id) else { return }
    guard response.available else {
      if response.terminate { return refuse(job) }
      return passOn(job, reason: "the worker declined")
    }
    let identity = response.participantIdentity.isEmpty ? "agent-\(job.id)" : response.participantIdentity
    let violation = limits.violation(
      names: [identity, response.participantName], metadata: response.participantMetadata,
      attributes: response.participantAttributes)
    if let violation { return passOn(job, reason: violation) }
    if let room = rooms[job.room], room.members[identity] != nil || room.agents[identity] != nil {
      return passOn(job, reason: "somebody in the room has the identity that the worker asks for")
    }
    jobs[job.id]?.message.state.participantIdentity = identity
    rooms[job.room]?.agents[identity] = job.id
    setPhase(of: job.id, .minting(id), within: configuration.assignmentTimeout)
    var grants = Grants(identity: identity, name: response.participantName)
    grants.metadata = response.participantMetadata
    grants.attributes = response.participantAttributes
    if !job.group.agentName.isEmpty { grants.attributes["lk.agent_name"] = job.group.agentName }
    grants.kind = .agent
    grants.video = VideoGrant(room: job.room, agentWith: workers[id]?.registration?.permissions)
    actions.append(.mint(AgentTokenRequest(worker: id, jobID: job.id, grants: grants)))
  }

  mutating func assign(_ request: AgentTokenRequest, token: String?) {
    guard let job = jobs[request.jobID], job.phase == .minting(request.worker),
      job.identity == request.grants.identity
    else { return }
    guard let token else { return passOn(job, reason: "no token could be signed") }
    give(job.id, to: request.worker)
    let time = unixNanoseconds
    jobs[job.id]?.message.state.startedAt = time
    jobs[job.id]?.message.state.updatedAt = time
    jobs[job.id]?.assignedAt = now
    setPhase(of: job.id, .assigned(request.worker), within: configuration.assignmentTimeout)
    guard let job = jobs[job.id] else { return }
    var assignment = Livekit_JobAssignment()
    assignment.job = job.message
    assignment.token = token
    send(.assignment(assignment), to: request.worker)
    actions.append(.note(.jobAssigned(note(of: job))))
  }

  /// The next worker is asked. A simulated job has none.
  mutating func passOn(_ job: AgentJob, reason: String) {
    actions.append(.note(.jobPassedOn(note(of: job), reason: reason)))
    take(job)
    forgetAgent(of: job)
    guard job.slot != nil else { return end(job, .jsFailed, error: reason) }
    if let worker = job.worker { jobs[job.id]?.declined.insert(worker) }
    enqueue(job, isFirst: true)
  }

  /// The worker has answered for all others too.
  private mutating func refuse(_ job: AgentJob) {
    take(job)
    setOutcome(of: job, .refused)
    end(job, .jsFailed, error: "the worker refused the job")
  }

  mutating func forgetAgent(of job: AgentJob) {
    guard let identity = jobs[job.id]?.identity, !identity.isEmpty else { return }
    if rooms[job.room]?.agents[identity] == job.id { rooms[job.room]?.agents[identity] = nil }
    if !job.isAssigned { jobs[job.id]?.message.state.participantIdentity = "" }
  }

  func note(of job: AgentJob) -> JobNote {
    JobNote(
      jobID: job.id, dispatchID: job.message.dispatchID, room: job.room, agentName: job.group.agentName,
      worker: job.worker.flatMap { workers[$0]?.sid } ?? "")
  }
}

extension VideoGrant {
  /// What an agent may do in its room. Without a word of its worker's: all that LiveKit's default is.
  fileprivate init(room: String, agentWith permissions: Livekit_ParticipantPermission?) {
    self.init()
    roomJoin = true
    self.room = room
    agent = true
    guard let permissions else {
      canUpdateOwnMetadata = true
      return
    }
    canPublish = permissions.canPublish
    canSubscribe = permissions.canSubscribe
    canPublishData = permissions.canPublishData
    canUpdateOwnMetadata = permissions.canUpdateMetadata
    hidden = permissions.hidden
    let sources = permissions.canPublishSources.compactMap(\.grantName)
    canPublishSources = sources.isEmpty ? nil : sources
  }
}
