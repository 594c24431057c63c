import Base
import LiveKitProtocol

/// Rooms and who is in them: what makes jobs.
extension AgentPool {
  // MARK: Rooms

  mutating func start(_ info: Livekit_Room, agents: [Livekit_RoomAgentDispatch]) {
    guard rooms[info.name] == nil else { return }
    rooms[info.name] = AgentRoom(info: info)
    if agents.isEmpty {
      add(Livekit_AgentDispatch(), to: info.name, isImplicit: true)
    }
    for agent in agents.prefix(limits.dispatchesPerRoom) {
      var request = Livekit_AgentDispatch()
      request.agentName = agent.agentName
      request.metadata = agent.metadata
      request.restartPolicy = agent.restartPolicy
      request.deployment = agent.deployment
      request.attributes = agent.attributes
      add(request, to: info.name, isImplicit: false)
    }
  }

  mutating func finish(_ name: String) {
    guard let room = rooms[name] else { return }
    for job in room.jobs.compactMap({ jobs[$0] }).sorted(by: { $0.number < $1.number }) { cancel(job) }
    rooms[name] = nil
  }

  /// Keeps a dispatch and makes the jobs that there are workers for. Its id and time are filled in.
  @discardableResult
  mutating func add(_ request: Livekit_AgentDispatch, to room: String, isImplicit: Bool) -> Livekit_AgentDispatch {
    var request = request
    request.id = makeID("AD_")
    request.room = room
    request.state.createdAt = unixNanoseconds
    let dispatch = AgentDispatch(request: request, isImplicit: isImplicit)
    rooms[room]?.dispatches.append(dispatch)
    for group in groupsByName[dispatch.name] ?? [] { makeJobs(for: group, of: dispatch, in: room) }
    review(room)
    return request
  }

  // MARK: Participants

  mutating func join(_ info: Livekit_ParticipantInfo, _ roomInfo: Livekit_Room) {
    let name = roomInfo.name
    rooms[name]?.info = roomInfo
    guard let room = rooms[name] else { return }
    if room.banned.contains(info.identity), room.agents[info.identity] == nil {
      actions.append(.removeParticipant(room: name, identity: info.identity))
    }
    rooms[name]?.members[info.identity] = AgentRoom.Member(info: info)
    if let job = room.agents[info.identity].flatMap({ jobs[$0] }) { return agentJoined(job) }
    guard !info.isDependent else { return }
    makeJobs(.jtParticipant, for: info, in: name)
  }

  mutating func publish(_ info: Livekit_ParticipantInfo, _ roomInfo: Livekit_Room) {
    let name = roomInfo.name
    rooms[name]?.info = roomInfo
    guard let member = rooms[name]?.members[info.identity], member.info.sid == info.sid, !member.hasPublished else {
      return
    }
    rooms[name]?.members[info.identity]?.hasPublished = true
    rooms[name]?.members[info.identity]?.info = info
    if !info.isDependent { makeJobs(.jtPublisher, for: info, in: name) }
  }

  mutating func setConnected(_ identity: String, in name: String, _ isConnected: Bool) {
    rooms[name]?.members[identity]?.isConnected = isConnected
    guard let job = rooms[name]?.agents[identity].flatMap({ jobs[$0] }), job.phase == .orphaned else { return }
    setDeadline(of: job.id, isConnected ? nil : now + configuration.orphanTimeout)
  }

  mutating func leave(_ info: Livekit_ParticipantInfo, _ roomInfo: Livekit_Room) {
    let name = roomInfo.name
    rooms[name]?.info = roomInfo
    guard let room = rooms[name], room.members[info.identity]?.info.sid == info.sid else { return }
    rooms[name]?.members[info.identity] = nil
    if let job = room.agents[info.identity].flatMap({ jobs[$0] }) {
      return agentLeft(job, reason: info.disconnectReason)
    }
    for place in room.dispatches.indices {
      for (slot, work) in room.dispatches[place].work where slot.participantSID == info.sid {
        // An agent that is there already sees for itself that its participant is gone.
        if let job = work.job.flatMap({ jobs[$0] }), !job.isAssigned { cancel(job) }
        rooms[name]?.dispatches[place].work[slot] = nil
      }
    }
  }

  // MARK: Jobs

  /// A group has its first worker, or one more: what waits for such a worker gets its jobs.
  mutating func welcome(_ group: WorkerGroup) {
    for (name, room) in rooms.sorted(by: { $0.key < $1.key }) {
      for dispatch in room.dispatches where dispatch.name == group.name {
        review(name)
        if dispatch.isImplicit, !room.isLoneCaller || !dispatch.work.isEmpty { continue }
        makeJobs(for: group, of: dispatch, in: name)
      }
    }
  }

  /// All that a group can do for a dispatch as the room is.
  private mutating func makeJobs(for group: WorkerGroup, of dispatch: AgentDispatch, in name: String) {
    guard let room = rooms[name] else { return }
    if group.type == .jtRoom {
      makeOnce(JobSlot(type: .jtRoom, namespace: group.namespace, participantSID: ""), of: dispatch, in: name)
      return
    }
    let targets = room.members.values.filter {
      !$0.info.isDependent && (group.type == .jtParticipant || $0.hasPublished)
    }
    for member in targets.sorted(by: { $0.info.sid < $1.info.sid }) {
      makeOnce(
        JobSlot(type: group.type, namespace: group.namespace, participantSID: member.info.sid), of: dispatch, in: name,
        participant: member.info)
    }
  }

  private mutating func makeJobs(_ type: Livekit_JobType, for info: Livekit_ParticipantInfo, in name: String) {
    for dispatch in rooms[name]?.dispatches ?? [] {
      for group in groupsByName[dispatch.name] ?? [] where group.type == type {
        makeOnce(
          JobSlot(type: type, namespace: group.namespace, participantSID: info.sid), of: dispatch, in: name,
          participant: info)
      }
    }
  }

  private mutating func makeOnce(
    _ slot: JobSlot, of dispatch: AgentDispatch, in name: String, participant: Livekit_ParticipantInfo? = nil
  ) {
    let place = rooms[name]?.dispatches.firstIndex { $0.id == dispatch.id }
    guard let place, rooms[name]?.dispatches[place].work[slot] == nil,
      let job = makeJob(slot, of: dispatch, in: name, participant: participant)
    else { return }
    enqueue(job)
  }

  /// A job of its own id in its slot; not in the queue. Nil when there are too many.
  mutating func makeJob(
    _ slot: JobSlot, of dispatch: AgentDispatch, in name: String, participant: Livekit_ParticipantInfo?
  ) -> AgentJob? {
    guard let room = rooms[name], let place = room.dispatches.firstIndex(where: { $0.id == dispatch.id }) else {
      return nil
    }
    guard jobs.count < limits.jobs else {
      actions.append(.note(.jobNotMade(room: name, agentName: dispatch.name.name)))
      return nil
    }
    var message = Livekit_Job()
    message.id = makeID("AJ_")
    message.type = slot.type
    message.room = room.info
    if let participant { message.participant = participant }
    message.namespace = slot.namespace
    message.metadata = dispatch.request.metadata
    message.agentName = dispatch.request.agentName
    message.dispatchID = dispatch.id
    message.deployment = dispatch.request.deployment
    message.attributes = dispatch.request.attributes
    message.state.updatedAt = unixNanoseconds
    let group = WorkerGroup(
      type: slot.type, agentName: dispatch.name.name, namespace: slot.namespace, deployment: dispatch.name.deployment)
    let job = AgentJob(number: nextJobNumber(), group: group, slot: slot, message: message)
    jobs[job.id] = job
    rooms[name]?.jobs.insert(job.id)
    rooms[name]?.dispatches[place].work[slot, default: AgentDispatch.Work()].job = job.id
    return job
  }

  // MARK: What is waited for

  func currentSituation(of room: AgentRoom) -> AgentSituation {
    var awaited: AgentWait?
    for dispatch in room.dispatches {
      let live = liveJobs(of: dispatch.id, in: room)
      if live.contains(where: \.isAssigned) { return .there }
      let cause = cause(of: dispatch, live)
      if awaited == nil, let cause {
        awaited = AgentWait(agentName: dispatch.name.name, isNamed: !dispatch.isImplicit, cause: cause)
      }
    }
    return awaited.map { .awaited($0) } ?? .none
  }

  /// Why nothing of a dispatch is assigned. Nil: it is done.
  private func cause(of dispatch: AgentDispatch, _ live: [AgentJob]) -> AgentWait.Cause? {
    let workerCount = (groupsByName[dispatch.name] ?? []).reduce(0) { $0 + (workersByGroup[$1]?.count ?? 0) }
    if live.isEmpty, let outcome = dispatch.work.values.compactMap(\.outcome).first {
      switch outcome {
      case .done: return nil
      case .refused: return .refused
      case .failed: return .failed
      }
    }
    if workerCount == 0 { return .noWorker }
    // Workers without a name that came after the room's start were not for it.
    if dispatch.isImplicit, dispatch.work.isEmpty { return nil }
    if live.isEmpty || live.contains(where: { $0.worker != nil || $0.phase == .delayed }) { return .asked }
    return .busy(workers: workerCount)
  }
}
