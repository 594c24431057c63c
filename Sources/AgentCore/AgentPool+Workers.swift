import Base
import LiveKitProtocol
import SwiftProtobuf

/// Workers coming, going and telling how they are.
extension AgentPool {
  mutating func connect(_ id: WorkerID) {
    guard workers.count < limits.workers else {
      actions.append(.note(.workerRefused(reason: "there are \(limits.workers) workers and no more are taken")))
      actions.append(.close(id, reason: "too many workers"))
      return
    }
    workers[id] = Worker(limits: limits, now: now)
  }

  mutating func refuse(_ id: WorkerID, _ reason: String) {
    actions.append(.note(.workerRefused(reason: reason)))
    actions.append(.close(id, reason: reason))
    disconnect(id)
  }

  mutating func register(_ id: WorkerID, _ request: Livekit_RegisterWorkerRequest) {
    guard workers[id]?.registration == nil else { return refuse(id, "a worker registered twice") }
    let names = [request.agentName, request.namespace, request.deployment, request.version]
    if let reason = limits.violation(names: names) { return refuse(id, reason) }
    guard Livekit_JobType.allCases.contains(request.type) else { return refuse(id, "the job type is unknown") }
    let group = WorkerGroup(
      type: request.type, agentName: request.agentName, namespace: request.namespace, deployment: request.deployment)
    let sid = makeID("AW_")
    workers[id]?.registration = Worker.Registration(
      sid: sid, group: group, permissions: request.hasAllowedPermissions ? request.allowedPermissions : nil)
    var response = Livekit_RegisterWorkerResponse()
    response.workerID = sid
    response.serverInfo = configuration.serverInfo
    send(.register(response), to: id)
    actions.append(.note(.workerRegistered(worker: sid, group, version: request.version)))
    if workersByGroup[group] == nil { groupsByName[group.name, default: []].append(group) }
    workersByGroup[group, default: []].append(id)
    offerLater(group)
    welcome(group)
  }

  mutating func update(_ id: WorkerID, _ update: Livekit_UpdateWorkerStatus) {
    guard let worker = workers[id], let group = worker.registration?.group else { return }
    workers[id]?.load = update.load.isNaN ? 1 : min(max(update.load, 0), 1)
    guard update.hasStatus else { return }
    workers[id]?.isFull = update.status == .wsFull
    if worker.isFull, update.status != .wsFull { offerLater(group) }
  }

  mutating func answer(_ ping: Livekit_WorkerPing, of id: WorkerID) {
    var pong = Livekit_WorkerPong()
    pong.lastTimestamp = ping.timestamp
    pong.timestamp = unixNanoseconds / 1_000_000
    send(.pong(pong), to: id)
  }

  mutating func disconnect(_ id: WorkerID) {
    guard let worker = workers.removeValue(forKey: id) else { return }
    if let registration = worker.registration {
      unlist(id, of: registration.group)
      actions.append(.note(.workerLeft(worker: registration.sid, registration.group, jobs: worker.jobs.count)))
    }
    for job in worker.jobs.compactMap({ jobs[$0] }).sorted(by: { $0.number < $1.number }) { lose(job) }
  }

  private mutating func unlist(_ id: WorkerID, of group: WorkerGroup) {
    workersByGroup[group]?.removeAll { $0 == id }
    if workersByGroup[group]?.isEmpty == true {
      workersByGroup[group] = nil
      groupsByName[group.name]?.removeAll { $0 == group }
      if groupsByName[group.name]?.isEmpty == true { groupsByName[group.name] = nil }
    }
    for (name, room) in rooms where room.dispatches.contains(where: { $0.name == group.name }) { review(name) }
  }

  /// A worker that connects anew claims the jobs that its processes have gone on with. What is somebody else's by now,
  /// or over, it must end.
  mutating func claim(_ ids: [String], by id: WorkerID) {
    for jobID in ids.prefix(limits.migratedJobs) {
      guard let job = jobs[jobID], job.isAssigned, job.group == workers[id]?.registration?.group else {
        terminate(jobID, at: id)
        continue
      }
      guard job.worker != id else { continue }
      if let former = job.worker { workers[former]?.jobs.remove(jobID) }
      give(jobID, to: id)
      run(jobID, by: id)
    }
  }

  /// A worker plays through a job of its own making, in a room that need not exist.
  mutating func simulate(_ request: Livekit_SimulateJobRequest, by id: WorkerID) {
    guard let worker = workers[id], let group = worker.registration?.group, !request.room.name.isEmpty,
      limits.violation(names: [request.room.name, request.participant.identity]) == nil,
      ((try? request.serializedData().count) ?? .max) <= limits.simulationByteCount,
      worker.simulatedCount < limits.simulatedJobsPerWorker, worker.jobs.count < limits.jobsPerWorker,
      jobs.count < limits.jobs
    else { return }
    var message = Livekit_Job()
    message.id = makeID("AJ_")
    message.type = request.hasParticipant ? .jtPublisher : request.type
    message.room = rooms[request.room.name]?.info ?? request.room
    if request.hasParticipant { message.participant = request.participant }
    message.namespace = group.namespace
    message.agentName = group.agentName
    message.deployment = group.deployment
    message.state.updatedAt = unixNanoseconds
    jobs[message.id] = AgentJob(number: nextJobNumber(), group: group, slot: nil, message: message)
    rooms[request.room.name]?.jobs.insert(message.id)
    workers[id]?.simulatedCount += 1
    offer(message.id, to: id)
  }

  mutating func terminate(_ job: String, at id: WorkerID) {
    var termination = Livekit_JobTermination()
    termination.jobID = job
    send(.termination(termination), to: id)
  }

  mutating func give(_ job: String, to id: WorkerID) {
    workers[id]?.jobs.insert(job)
    jobs[job]?.message.state.workerID = workers[id]?.sid ?? ""
  }

  /// The worker has nothing to do with the job any more.
  mutating func take(_ job: AgentJob) {
    guard let id = job.worker else { return }
    if workers[id]?.jobs.remove(job.id) != nil, job.slot == nil { workers[id]?.simulatedCount -= 1 }
    jobs[job.id]?.message.state.workerID = ""
  }
}
