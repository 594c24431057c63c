import AgentCore
import Base
import LiveKitProtocol
import Testing

@Suite("Jobs and their loss")
struct JobTests {
  /// A call with one of two equal workers on it.
  private struct Scene {
    let harness = Harness()
    let busy: TestWorker
    let spare: TestWorker
    let job: String
    var agent = Livekit_ParticipantInfo()

    init(policy: Livekit_JobRestartPolicy = .jrpOnFailure, agentJoins: Bool = true) {
      busy = harness.worker("x")
      harness.open("r", agents: ["x"]) { $0.restartPolicy = policy }
      harness.join("caller", "r", kind: .sip)
      job = busy.run()
      spare = harness.worker("x")
      if agentJoins { agent = harness.join("agent-\(job)", "r", kind: .agent) }
    }

    func drop() { harness.perform(.participantDropped(room: "r", identity: agent.identity)) }
    func resume() { harness.perform(.participantResumed(room: "r", identity: agent.identity)) }
    /// The same agent joins anew.
    mutating func rejoin() { agent = harness.join(agent.identity, "r", kind: .agent) }
  }

  @Test(
    "a worker that is killed with its agent: the next one has the call a second later, the dead one's place is cleared")
  func killed() throws {
    let scene = Scene()
    scene.drop()
    scene.busy.disconnect()
    scene.harness.advance(.milliseconds(750))
    #expect(scene.spare.offers.isEmpty)
    scene.harness.advance(.milliseconds(250))
    let offer = try #require(scene.spare.offers.first)
    #expect(offer.resuming && offer.job.id != scene.job && offer.job.room.name == "r")
    #expect(scene.harness.takeRemoved() == ["agent-\(scene.job)"])
    #expect(scene.harness.jobs("r").map(\.state.status) == [.jsFailed, .jsPending])
    #expect(scene.harness.jobs("r").first?.state.error == "the worker was lost")
  }

  @Test("a worker that dies before its agent has joined loses the job too")
  func killedEarly() {
    let scene = Scene(agentJoins: false)
    scene.busy.disconnect()
    scene.harness.advance(.seconds(1))
    #expect(scene.spare.offers.count == 1)
    // Its process was slower than we thought.
    let late = scene.harness.join("agent-\(scene.job)", "r", kind: .agent)
    #expect(scene.harness.takeRemoved() == [late.identity])
  }

  @Test("an agent goes on while its worker's connection is lost, and its worker claims it back")
  func claimed() {
    let scene = Scene()
    scene.busy.disconnect()
    scene.harness.advance(.seconds(60))
    #expect(scene.spare.offers.isEmpty && scene.harness.pool.situation(of: "r") == .there)
    let back = scene.harness.worker("x")
    back.claim([scene.job])
    #expect(back.terminations.isEmpty)
    back.update(scene.job, .jsSuccess)
    #expect(scene.harness.pool.jobCount == 0)
    scene.harness.advance(.seconds(30))
    #expect(scene.spare.offers.isEmpty && scene.harness.takeRemoved().isEmpty)
  }

  @Test("an agent without a worker whose connection is back in time goes on; one that leaves is replaced at once")
  func orphan() {
    let scene = Scene()
    scene.busy.disconnect()
    scene.drop()
    scene.harness.advance(.milliseconds(500))
    scene.resume()
    scene.harness.advance(.seconds(10))
    #expect(scene.spare.offers.isEmpty)
    scene.harness.leave(scene.agent, "r")
    #expect(scene.spare.offers.count == 1)
  }

  @Test("an agent whose worker is gone already and that loses its own connection too is given up a second later")
  func orphanDrops() {
    let scene = Scene()
    scene.busy.disconnect()
    scene.harness.advance(.seconds(5))
    scene.drop()
    scene.harness.advance(.milliseconds(750))
    #expect(scene.spare.offers.isEmpty)
    scene.harness.advance(.milliseconds(250))
    #expect(scene.spare.offers.count == 1)
  }

  @Test("a job that is somebody else's by now must be ended by whoever claims it")
  func claimsTooLate() {
    let scene = Scene()
    scene.drop()
    scene.busy.disconnect()
    scene.harness.advance(.seconds(2))
    scene.spare.run()
    let back = scene.harness.worker("x")
    back.claim([scene.job, "AJ_unknown"])
    #expect(back.terminations == [scene.job, "AJ_unknown"])
    #expect(scene.harness.pool.jobCount == 1)
  }

  @Test("nobody claims the job of another group, and nobody reports on another's job")
  func foreignJobs() {
    let scene = Scene()
    let stranger = scene.harness.worker("y")
    stranger.claim([scene.job])
    #expect(stranger.terminations == [scene.job])
    stranger.update(scene.job, .jsSuccess)
    scene.spare.update(scene.job, .jsFailed)
    #expect(scene.harness.pool.jobCount == 1 && scene.harness.pool.situation(of: "r") == .there)
    scene.busy.disconnect()
    stranger.update(scene.job, .jsFailed)
    #expect(scene.harness.removed.isEmpty && scene.spare.offers.isEmpty)
    scene.spare.update(scene.job, .jsFailed)
    #expect(scene.harness.removed == [scene.agent.identity])
  }

  @Test("of a job's error so many bytes are kept, whatever characters they make up")
  func longErrors() {
    let scene = Scene(policy: .jrpNever)
    var update = Livekit_UpdateJobStatus()
    update.jobID = scene.job
    update.status = .jsFailed
    update.error = "e" + String(repeating: "\u{301}", count: 100_000)
    scene.busy.send(.updateJob(update))
    #expect((1...256).contains(scene.harness.jobs("r")[0].state.error.utf8.count - 2))
  }

  @Test("a connection of the same worker that is newer takes its jobs over before the old one is known to be dead")
  func claimsEarly() {
    let scene = Scene()
    let back = scene.harness.worker("x")
    back.claim([scene.job])
    scene.busy.disconnect()
    scene.harness.advance(.seconds(10))
    #expect(scene.spare.offers.isEmpty && scene.harness.pool.jobCount == 1)
  }

  // MARK: Agents that leave

  @Test("a job that succeeds is over and not made again")
  func succeeds() {
    let scene = Scene()
    scene.harness.leave(scene.agent, "r")
    scene.busy.update(scene.job, .jsSuccess)
    scene.harness.advance(.seconds(60))
    #expect(scene.spare.offers.isEmpty && scene.busy.terminations.isEmpty)
    #expect(scene.harness.pool.situation(of: "r") == .none)
    #expect(scene.harness.jobs("r").map(\.state.status) == [.jsSuccess])
  }

  @Test("an agent that leaves by itself and whose worker says nothing has done its work")
  func leavesByItself() {
    let scene = Scene()
    scene.harness.leave(scene.agent, "r", .clientInitiated)
    scene.harness.advance(.milliseconds(4750))
    #expect(scene.busy.terminations.isEmpty)
    scene.harness.advance(.milliseconds(250))
    #expect(scene.busy.terminations == [scene.job])
    #expect(scene.harness.jobs("r").map(\.state.status) == [.jsSuccess] && scene.spare.offers.isEmpty)
  }

  @Test("an agent whose connection broke is replaced and its worker told")
  func breaks() {
    let scene = Scene()
    scene.drop()
    scene.harness.leave(scene.agent, "r", .signalClose)
    #expect(scene.busy.terminations == [scene.job])
    #expect(scene.spare.offers.count + scene.busy.offers.count == 2)
  }

  @Test("an agent that is told to join anew may; one that does not is replaced", arguments: [true, false])
  func joinsAnew(comesBack: Bool) {
    var scene = Scene()
    scene.harness.leave(scene.agent, "r", .stateMismatch)
    scene.harness.advance(.seconds(4))
    if comesBack { scene.rejoin() }
    scene.harness.advance(.seconds(10))
    #expect(scene.busy.terminations == (comesBack ? [] : [scene.job]))
    #expect(scene.spare.offers.count + scene.busy.offers.count == (comesBack ? 1 : 2))
    scene.harness.join("agent-\(scene.job)", "r", kind: .agent)
  }

  @Test("an agent that joins twice is still there, with its worker or without", arguments: [true, false])
  func duplicate(hasWorker: Bool) {
    var scene = Scene()
    if !hasWorker { scene.busy.disconnect() }
    scene.harness.leave(scene.agent, "r", .duplicateIdentity)
    scene.rejoin()
    scene.harness.advance(.seconds(10))
    #expect(scene.busy.terminations.isEmpty && scene.harness.pool.jobCount == 1)
  }

  @Test("an agent that an administrator removed is not replaced", arguments: [true, false])
  func removed(hasWorker: Bool) {
    let scene = Scene()
    if !hasWorker { scene.busy.disconnect() }
    scene.harness.leave(scene.agent, "r", .participantRemoved)
    scene.harness.advance(.seconds(60))
    #expect(scene.spare.offers.isEmpty && scene.harness.pool.jobCount == 0)
  }

  // MARK: Failures

  @Test("a job that fails is made again, later each time, and given up after the fifth time in a row")
  func failsAgainAndAgain() {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("r", agents: ["x"])
    var offeredAfter: [Int] = []
    for round in 1...6 {
      var waited = 0
      while worker.offers.count < round, waited < 100 {
        harness.advance(.milliseconds(500))
        waited += 1
      }
      offeredAfter.append(waited)
      worker.update(worker.run(), .jsFailed)
    }
    #expect(offeredAfter == [0, 0, 2, 4, 8, 16], "half seconds")
    harness.advance(.seconds(120))
    #expect(worker.offers.count == 6)
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': its jobs failed again and again")
    #expect(harness.notes.contains { if case .jobGivenUp = $0 { true } else { false } })
    #expect(Set(worker.offers.map(\.job.id)).count == 6)
  }

  @Test("failures that are far apart are not in a row")
  func failsRarely() {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("r", agents: ["x"])
    for round in 1...20 {
      #expect(worker.offers.count == round)
      let job = worker.run()
      harness.advance(.seconds(31))
      worker.update(job, .jsFailed)
    }
  }

  @Test("a policy that forbids it makes no job again", arguments: [0, 1])
  func neverAgain(way: Int) {
    let scene = Scene(policy: .jrpNever)
    if way == 0 {
      scene.busy.update(scene.job, .jsFailed)
    } else {
      scene.drop()
      scene.busy.disconnect()
    }
    scene.harness.advance(.seconds(60))
    #expect(scene.spare.offers.isEmpty && scene.harness.pool.jobCount == 0)
    #expect(scene.harness.pool.situation(of: "r").sentence == "agent 'x': its jobs failed again and again")
  }

  @Test("a worker that takes a job and never starts it loses it")
  func neverStarts() {
    let harness = Harness()
    let (first, second) = (harness.worker("x"), harness.worker("x"))
    harness.open("r", agents: ["x"])
    let lazy = first.offers.isEmpty ? second : first
    let job = lazy.offers[0].job.id
    lazy.accept(job)
    harness.advance(.seconds(15))
    #expect(lazy.terminations == [job])
    #expect(first.offers.count + second.offers.count == 2)
  }

  @Test("an agent in its room is a sign that the job runs")
  func runsByJoining() {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("r", agents: ["x"])
    let job = worker.offers[0].job.id
    worker.accept(job)
    harness.join("agent-\(job)", "r", kind: .agent)
    harness.advance(.seconds(60))
    #expect(worker.terminations.isEmpty && harness.jobs("r").map(\.state.status) == [.jsRunning])
  }

  // MARK: Rooms that end

  @Test("when its room ends a job is terminated and forgotten, whatever state it is in")
  func roomEnds() {
    let scene = Scene()
    let waiting = scene.harness
    waiting.open("offered", agents: ["x"])
    waiting.open("waiting", agents: ["nobody"])
    waiting.open("orphaned", agents: ["y"])
    let other = waiting.worker("y")
    other.run()
    other.disconnect()
    for room in ["r", "offered", "waiting", "orphaned"] { waiting.close(room) }
    #expect(scene.busy.terminations.contains(scene.job))
    #expect(waiting.pool.jobCount == 0)
    waiting.advance(.seconds(60))
    #expect(throws: AgentError.self) { try waiting.pool.dispatches(of: "r") }
  }

  @Test("a dispatch lists its last sixteen jobs that are over")
  func history() {
    let harness = Harness { $0.restartDelays = Array(repeating: .zero, count: 100) }
    let worker = harness.worker("x")
    harness.open("r", agents: ["x"])
    for _ in 0..<40 { worker.update(worker.run(), .jsFailed) }
    #expect(harness.jobs("r").count == 17)
    #expect(harness.jobs("r").last?.id == worker.offers.last?.job.id)
  }
}
