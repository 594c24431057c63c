import Base
import LiveKitProtocol

/// The life of a job once somebody has it, and its end.
extension AgentPool {
  /// A worker tells how its job goes. Its word counts for jobs of its group that lost their worker too: it may be back.
  mutating func update(_ update: Livekit_UpdateJobStatus, of id: WorkerID) {
    guard let job = jobs[update.jobID], job.isAssigned,
      job.worker == id || job.phase == .orphaned && job.group == workers[id]?.registration?.group
    else { return }
    switch update.status {
    case .jsRunning:
      if case .assigned = job.phase { run(job.id, by: id) } else if job.phase == .orphaned { claim([job.id], by: id) }
    case .jsSuccess:
      setOutcome(of: job, .done)
      end(job, .jsSuccess, error: "")
    case .jsFailed:
      let error = String(decoding: update.error.utf8.prefix(limits.errorByteCount), as: UTF8.self)
      fail(job, error.isEmpty ? "the job's process failed" : error)
    case .jsPending, .UNRECOGNIZED: break
    }
  }

  mutating func run(_ jobID: String, by worker: WorkerID) {
    setStatus(of: jobID, .jsRunning)
    setPhase(of: jobID, .running(worker))
  }

  /// The worker's connection is gone.
  mutating func lose(_ job: AgentJob) {
    switch job.phase {
    case .offered, .minting: passOn(job, reason: "the worker is gone")
    case .leaving(_, let hasFailed):
      hasFailed ? fail(job, "the agent left its room") : finish(job)
    case .assigned, .running:
      take(job)
      let isHere = rooms[job.room]?.members[job.identity]?.isConnected == true
      setPhase(of: job.id, .orphaned, within: isHere ? nil : configuration.orphanTimeout)
    case .delayed, .waiting, .orphaned: break
    }
  }

  /// A deadline has passed.
  mutating func expire(_ job: AgentJob) {
    switch job.phase {
    case .delayed: enqueue(job)
    case .waiting:
      jobs[job.id]?.declined = []
      offerLater(job.group)
    case .offered: passOn(job, reason: "the worker did not answer")
    case .minting: passOn(job, reason: "no token was signed in time")
    case .assigned(let worker):
      terminate(job.id, at: worker)
      fail(job, "the worker did not start the job")
    case .running: break
    case .leaving(let worker, let hasFailed):
      terminate(job.id, at: worker)
      hasFailed ? fail(job, "the agent left its room") : finish(job)
    case .orphaned: fail(job, "the worker was lost")
    }
  }

  private mutating func finish(_ job: AgentJob) {
    setOutcome(of: job, .done)
    end(job, .jsSuccess, error: "")
  }

  private mutating func setStatus(of job: String, _ status: Livekit_JobStatus) {
    let time = unixNanoseconds
    jobs[job]?.message.state.status = status
    jobs[job]?.message.state.updatedAt = time
  }

  // MARK: The agent in its room

  mutating func agentJoined(_ job: AgentJob) {
    switch job.phase {
    case .assigned(let worker), .leaving(let worker, _):
      run(job.id, by: worker)
    case .orphaned: setDeadline(of: job.id, nil)
    case .delayed, .waiting, .offered, .minting, .running: break
    }
  }

  mutating func agentLeft(_ job: AgentJob, reason: Livekit_DisconnectReason) {
    switch (job.phase, reason) {
    // The same agent has come in again.
    case (_, .duplicateIdentity): break
    case (.orphaned, .participantRemoved): finish(job)
    case (.orphaned, _): fail(job, "the worker was lost")
    // It was told to join anew.
    case (.assigned(let worker), .connectionTimeout), (.assigned(let worker), .stateMismatch),
      (.running(let worker), .connectionTimeout), (.running(let worker), .stateMismatch):
      setPhase(of: job.id, .leaving(worker, hasFailed: true), within: configuration.leaveTimeout)
    case (.assigned(let worker), .signalClose), (.running(let worker), .signalClose):
      terminate(job.id, at: worker)
      fail(job, "the agent left its room")
    case (.assigned(let worker), _), (.running(let worker), _):
      setPhase(of: job.id, .leaving(worker, hasFailed: false), within: configuration.leaveTimeout)
    default: break
    }
  }

  // MARK: The end

  /// The job is over and, where its dispatch wants that, made anew.
  mutating func fail(_ job: AgentJob, _ error: String) {
    if let member = rooms[job.room]?.members[job.identity], !job.identity.isEmpty, job.slot != nil {
      // Two agents must not speak to one caller.
      if member.info.state != .disconnected {
        actions.append(.removeParticipant(room: job.room, identity: job.identity))
      }
    }
    rooms[job.room]?.ban(job.identity)
    end(job, .jsFailed, error: error)
    restart(job, error)
  }

  private mutating func restart(_ job: AgentJob, _ error: String) {
    guard let slot = job.slot, let place = place(of: job),
      let dispatch = rooms[job.room]?.dispatches[place], let work = dispatch.work[slot]
    else { return }
    guard dispatch.request.restartPolicy != .jrpNever else { return setOutcome(of: job, .failed) }
    let ran = job.assignedAt.map { now - $0 } ?? .zero
    let failures = ran >= configuration.restartResetTime ? 0 : work.failures
    guard configuration.restartDelays.indices.contains(failures) else {
      actions.append(.note(.jobGivenUp(note(of: job), error: error)))
      return setOutcome(of: job, .failed)
    }
    rooms[job.room]?.dispatches[place].work[slot]?.failures = failures + 1
    guard let made = makeJob(slot, of: dispatch, in: job.room, participant: job.message.participantIfAny) else {
      return
    }
    jobs[made.id]?.isResuming = true
    setPhase(of: made.id, .delayed, within: configuration.restartDelays[failures])
    if configuration.restartDelays[failures] == .zero { enqueue(made) }
  }

  /// Takes the job off every list; its dispatch remembers it for a while.
  mutating func end(_ job: AgentJob, _ status: Livekit_JobStatus, error: String) {
    guard var ended = jobs[job.id] else { return }
    if ended.phase == .waiting { dequeue(ended) }
    take(ended)
    forgetAgent(of: ended)
    setDeadline(of: job.id, nil)
    jobs[job.id] = nil
    rooms[job.room]?.jobs.remove(job.id)
    review(job.room)
    ended.message.state.status = status
    ended.message.state.error = error
    ended.message.state.endedAt = unixNanoseconds
    ended.message.state.updatedAt = unixNanoseconds
    if ended.assignedAt != nil || !error.isEmpty { actions.append(.note(.jobEnded(note(of: job), error: error))) }
    guard let slot = job.slot, let place = place(of: job) else { return }
    if rooms[job.room]?.dispatches[place].work[slot]?.job == job.id {
      rooms[job.room]?.dispatches[place].work[slot]?.job = nil
    }
    let limit = limits.endedJobsPerDispatch
    rooms[job.room]?.dispatches[place].remember(ended.message, limit: limit)
  }

  /// Ends a job that nobody wants any more.
  mutating func cancel(_ job: AgentJob) {
    if let worker = job.worker, job.isAssigned { terminate(job.id, at: worker) }
    setOutcome(of: job, .done)
    end(job, job.isAssigned ? .jsSuccess : .jsFailed, error: "")
  }

  mutating func setOutcome(of job: AgentJob, _ outcome: AgentDispatch.Work.Outcome) {
    guard let slot = job.slot, let place = place(of: job) else { return }
    rooms[job.room]?.dispatches[place].work[slot]?.outcome = outcome
    review(job.room)
  }

  private func place(of job: AgentJob) -> Int? {
    rooms[job.room]?.dispatches.firstIndex { $0.id == job.message.dispatchID }
  }
}

extension AgentDispatch {
  fileprivate mutating func remember(_ job: Livekit_Job, limit: Int) {
    ended.append(job)
    if ended.count > limit { ended.removeFirst() }
  }
}

extension Livekit_Job {
  var participantIfAny: Livekit_ParticipantInfo? { hasParticipant ? participant : nil }
}
