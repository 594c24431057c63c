import AgentCore
import Base
import LiveKitProtocol
import Testing

@Suite("Dispatches")
struct DispatchTests {
  @Test("a room that names an agent gets it: offer, acceptance, token, job")
  func dispatches() throws {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("call", agents: ["x"]) {
      $0.metadata = "about"
      $0.attributes = ["language": "en"]
    }
    let offer = try #require(worker.offers.first)
    #expect(worker.offers.count == 1 && !offer.resuming)
    #expect(offer.job.id.hasPrefix("AJ_") && offer.job.dispatchID.hasPrefix("AD_"))
    #expect(offer.job.type == .jtRoom && offer.job.room.sid == "RM_call" && offer.job.agentName == "x")
    #expect(offer.job.metadata == "about" && offer.job.attributes == ["language": "en"])
    #expect(harness.pool.situation(of: "call").sentence == "agent 'x': a worker is being asked")

    worker.accept(offer.job.id) {
      $0.participantIdentity = "bot"
      $0.participantName = "Bot"
      $0.participantMetadata = "m"
      $0.participantAttributes = ["lk.agent.name": "x"]
    }
    let assignment = try #require(worker.assignments.first)
    #expect(assignment.job.id == offer.job.id && assignment.token == "token for bot")
    #expect(assignment.job.state.workerID.hasPrefix("AW_") && assignment.job.state.participantIdentity == "bot")
    #expect(assignment.job.state.startedAt == 1_700_000_001_000_000_000)
    #expect(harness.pool.situation(of: "call") == .there)

    worker.update(offer.job.id, .jsRunning)
    let dispatch = try #require(harness.dispatches("call").first)
    #expect(dispatch.id == offer.job.dispatchID && dispatch.agentName == "x" && dispatch.room == "call")
    #expect(dispatch.state.createdAt == 1_700_000_001_000_000_000)
    #expect(dispatch.state.jobs.map(\.state.status) == [.jsRunning])
  }

  @Test("the token is an agent's, for its room, with what the worker allows")
  func token() throws {
    let harness = Harness()
    let plain = harness.worker("plain")
    harness.open("a", agents: ["plain"])
    plain.run()
    let grants = try #require(plain.grants.first)
    #expect(grants.kind == .agent && grants.identity == "agent-\(plain.offers[0].job.id)")
    #expect(grants.attributes == ["lk.agent_name": "plain"])
    #expect(grants.video.mayJoin("a") && !grants.video.mayJoin("b") && grants.video.isAgent)
    #expect(grants.video.mayPublish && grants.video.maySubscribe && grants.video.mayUpdateOwnMetadata)

    let shy = harness.connect()
    shy.register("shy") {
      $0.allowedPermissions.canSubscribe = true
      $0.allowedPermissions.hidden = true
      $0.allowedPermissions.canPublishSources = [.microphone]
    }
    harness.open("b", agents: ["shy"])
    shy.run()
    let video = try #require(shy.grants.first).video
    #expect(video.isHidden && video.maySubscribe && !video.mayPublish && !video.mayPublishData)
    #expect(video.canPublishSources == ["microphone"] && !video.mayUpdateOwnMetadata)
  }

  @Test("a job whose worker declines, is silent or disconnects goes to the next", arguments: 0..<3)
  func passesOn(way: Int) throws {
    let harness = Harness()
    let workers = [harness.worker("x"), harness.worker("x")]
    harness.open("r", agents: ["x"])
    let first = try #require(workers.first { !$0.offers.isEmpty })
    let second = try #require(workers.first { $0.offers.isEmpty })
    let job = try #require(first.offers.first).job.id
    switch way {
    case 0: first.decline(job)
    case 1:
      harness.advance(.seconds(9))
      #expect(second.offers.isEmpty)
      harness.advance(.seconds(1))
    default: first.disconnect()
    }
    #expect(second.offers.map(\.job.id) == [job])
    second.run()
    #expect(second.assignments.count == 1)
    // A late answer changes nothing.
    first.accept(job)
    #expect(first.assignments.isEmpty && harness.jobs("r").count == 1)
  }

  @Test("when all have declined they are asked again after five seconds")
  func asksAgain() {
    let harness = Harness()
    let workers = [harness.worker("x"), harness.worker("x")]
    harness.open("r", agents: ["x"])
    for round in 1...3 {
      for _ in 0..<2 { for worker in workers { worker.offers.last.map { worker.decline($0.job.id) } } }
      #expect(workers.map(\.offers.count) == [round, round])
      #expect(harness.pool.situation(of: "r").sentence == "agent 'x': all 2 workers declined or cannot take more")
      harness.advance(.milliseconds(4750))
      #expect(workers.map(\.offers.count) == [round, round])
      harness.advance(.milliseconds(250))
    }
    #expect(workers.reduce(0) { $0 + $1.offers.count } == 7)
  }

  @Test("a worker that comes later is asked at once, without those that declined")
  func newcomer() {
    let harness = Harness()
    let first = harness.worker("x")
    harness.open("r", agents: ["x"])
    first.decline(first.offers[0].job.id)
    let second = harness.worker("x")
    #expect(second.offers.count == 1 && first.offers.count == 1)
  }

  @Test("a worker that declines for all ends the job")
  func refusesForAll() throws {
    let harness = Harness()
    let workers = [harness.worker("x"), harness.worker("x")]
    harness.open("r", agents: ["x"])
    let first = try #require(workers.first { !$0.offers.isEmpty })
    first.decline(first.offers[0].job.id, terminate: true)
    harness.advance(.seconds(30))
    #expect(workers.reduce(0) { $0 + $1.offers.count } == 1)
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': a worker refused the job")
    #expect(harness.jobs("r").map(\.state.status) == [.jsFailed])
    #expect(harness.jobs("r").map(\.state.error) == ["the worker refused the job"])
  }

  @Test("a worker that asks for the identity of somebody in the room does not get the job")
  func stolenIdentity() {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("r", agents: ["x"])
    harness.join("caller", "r", kind: .sip)
    worker.accept(worker.offers[0].job.id) { $0.participantIdentity = "caller" }
    #expect(worker.assignments.isEmpty && worker.grants.isEmpty)
    harness.advance(.seconds(5))
    #expect(worker.offers.count == 2)
  }

  @Test("two agents of one room never have one identity, not even before they have joined")
  func sharedIdentity() {
    let harness = Harness()
    let (first, second) = (harness.worker("x"), harness.worker("y"))
    harness.open("r", agents: ["x", "y"])
    first.accept(first.offers[0].job.id) { $0.participantIdentity = "bot" }
    second.accept(second.offers[0].job.id) { $0.participantIdentity = "bot" }
    #expect(first.assignments.count == 1 && second.assignments.isEmpty)
    harness.advance(.seconds(5))
    second.accept(second.offers[1].job.id) { $0.participantIdentity = "bot2" }
    #expect(second.assignments.count == 1)
  }

  @Test("an answer beyond the limits is no acceptance")
  func oversizedAnswer() {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("r", agents: ["x"])
    worker.accept(worker.offers[0].job.id) { $0.participantMetadata = String(repeating: "m", count: 64_001) }
    #expect(worker.assignments.isEmpty && harness.pool.jobCount == 1)
  }

  @Test("a token that cannot be signed passes the job on")
  func unsigned() {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.canSign = false
    harness.open("r", agents: ["x"])
    worker.run()
    #expect(worker.assignments.isEmpty)
    harness.canSign = true
    harness.advance(.seconds(5))
    worker.run()
    #expect(worker.assignments.count == 1)
  }

  @Test("a token that comes when its worker has the job no more is for nobody")
  func lateToken() {
    let harness = Harness()
    harness.signsLater = true
    let workers = [harness.worker("x"), harness.worker("x")]
    harness.open("r", agents: ["x"])
    let first = workers[0].offers.isEmpty ? workers[1] : workers[0]
    let second = workers[0].offers.isEmpty ? workers[0] : workers[1]
    first.accept(first.offers[0].job.id) { $0.participantIdentity = "bot" }
    first.disconnect()
    second.accept(second.offers[0].job.id) { $0.participantIdentity = "bot" }
    #expect(harness.unsigned.map(\.worker) == [first.id, second.id])
    harness.perform(.minted(harness.unsigned[0], token: "late"))
    #expect(first.assignments.isEmpty && second.assignments.isEmpty)
    harness.perform(.minted(harness.unsigned[1], token: "good"))
    #expect(second.assignments.map(\.token) == ["good"])
  }

  @Test("when the last worker of its name is gone a job waits for one again")
  func waitsAgain() {
    let harness = Harness()
    let workers = [harness.worker("x"), harness.worker("x")]
    harness.open("r", agents: ["x"])
    for worker in workers { worker.disconnect() }
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': no worker of that name is registered")
    _ = harness.worker("x")
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': a worker is being asked")
  }

  @Test("a job waits for the first worker of its name, and says so")
  func waits() {
    let harness = Harness()
    harness.open("r", agents: ["x"])
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': no worker of that name is registered")
    let other = harness.worker("y")
    harness.advance(.seconds(60))
    #expect(other.offers.isEmpty)
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': no worker of that name is registered")
    let worker = harness.worker("x")
    #expect(worker.offers.count == 1)
    worker.run()
    #expect(
      harness.situations["r"]?.map(\.sentence) == [
        "agent 'x': no worker of that name is registered", "agent 'x': a worker is being asked", "there",
      ])
  }

  @Test("several agents of one room each get a job")
  func several() {
    let harness = Harness()
    let (a, b) = (harness.worker("a"), harness.worker("b"))
    harness.open("r", agents: ["a", "b", "c"])
    #expect(a.offers.count == 1 && b.offers.count == 1)
    a.run()
    #expect(harness.pool.situation(of: "r") == .there, "whoever waits for an agent has one")
  }

  // MARK: Workers without a name

  @Test("a room that names nobody gets one job of each namespace of workers without a name")
  func unnamed() {
    let harness = Harness()
    let (worker, blue, named) = (harness.worker(), harness.worker(namespace: "blue"), harness.worker("x"))
    harness.open("r")
    #expect(worker.offers.count == 1 && blue.offers.map(\.job.namespace) == ["blue"])
    #expect(named.offers.isEmpty)
    harness.open("named", agents: ["x"])
    #expect(worker.offers.count == 1 && named.offers.count == 1)
  }

  @Test("a worker without a name does not walk into rooms that were there before, but to a caller who is alone")
  func lateUnnamed() {
    let harness = Harness()
    for room in ["empty", "alone", "meeting", "phones"] { harness.open(room) }
    harness.join("caller", "alone", kind: .sip)
    harness.join("someone", "meeting")
    harness.join("caller", "phones", kind: .sip)
    harness.join("other caller", "phones", kind: .sip)
    let sentence = "an agent: no worker without a name is registered"
    #expect(harness.pool.situation(of: "alone").sentence == sentence)
    let worker = harness.worker()
    #expect(worker.offers.map(\.job.room.name) == ["alone"])
    #expect(harness.pool.situation(of: "meeting") == .none)
  }

  // MARK: Participants and publishers

  @Test(
    "participant workers get a job for each participant, publisher workers for each that publishes; agents count not")
  func participants() {
    let harness = Harness()
    let joiners = harness.worker("x", type: .jtParticipant)
    let publishers = harness.worker("x", type: .jtPublisher)
    harness.open("r", agents: ["x"])
    #expect(joiners.offers.isEmpty && publishers.offers.isEmpty)
    let alice = harness.join("alice", "r")
    let caller = harness.join("caller", "r", kind: .sip)
    harness.join("bot", "r", kind: .agent)
    harness.publish(caller, "r")
    harness.publish(caller, "r")
    #expect(joiners.offers.map(\.job.participant.identity) == ["alice", "caller"])
    #expect(joiners.offers.map(\.job.type) == [.jtParticipant, .jtParticipant])
    #expect(publishers.offers.map(\.job.participant.identity) == ["caller"])
    // Who comes later finds those that are there.
    let late = harness.worker("x", type: .jtParticipant, namespace: "late")
    #expect(late.offers.map(\.job.participant.sid) == [alice.sid, caller.sid])
  }

  @Test("a job for a participant that left before anybody took it is over; one that runs goes on")
  func participantLeaves() {
    let harness = Harness()
    let worker = harness.worker("x", type: .jtParticipant)
    harness.open("r", agents: ["x"])
    let alice = harness.join("alice", "r")
    let running = worker.run()
    let bob = harness.join("bob", "r")
    harness.leave(alice, "r")
    harness.leave(bob, "r")
    #expect(worker.terminations.isEmpty)
    #expect(harness.jobs("r").map(\.id).contains(running) && harness.pool.jobCount == 1)
    worker.update(running, .jsFailed)
    #expect(harness.pool.jobCount == 0, "there is nobody left to be served")
  }

  // MARK: The API

  @Test("a dispatch that is asked for makes its job, is listed, and ends its job when it is deleted")
  func api() throws {
    let harness = Harness()
    let worker = harness.worker("x")
    harness.open("r")
    var request = Livekit_CreateAgentDispatchRequest()
    request.room = "r"
    request.agentName = "x"
    request.metadata = "m"
    let created = try harness.pool.createDispatch(request, now: harness.now)
    harness.carryOut(created.actions)
    #expect(created.dispatch.id.hasPrefix("AD_") && created.dispatch.metadata == "m")
    let job = worker.run()
    #expect(worker.offers.last?.job.dispatchID == created.dispatch.id)
    #expect(try harness.pool.dispatches(of: "r").map(\.id) == [created.dispatch.id])
    #expect(try harness.pool.dispatches(of: "r", id: "AD_other").isEmpty)

    let deleted = try harness.pool.deleteDispatch(created.dispatch.id, of: "r", now: harness.now)
    harness.carryOut(deleted.actions)
    #expect(worker.terminations == [job])
    #expect(deleted.dispatch.state.deletedAt > 0 && deleted.dispatch.state.jobs.map(\.id) == [job])
    #expect(try harness.pool.dispatches(of: "r").isEmpty && harness.pool.jobCount == 0)
  }

  @Test("what cannot be dispatched is refused with a reason")
  func apiErrors() throws {
    let harness = Harness { $0.limits.dispatchesPerRoom = 2 }
    harness.open("r", agents: ["x"])
    func code(_ room: String, _ name: String = "x") -> AgentError.Code? {
      var request = Livekit_CreateAgentDispatchRequest()
      request.room = room
      request.agentName = name
      do {
        _ = try harness.pool.createDispatch(request, now: harness.now)
        return nil
      } catch {
        return error.code
      }
    }
    #expect(code("elsewhere") == .notFound)
    #expect(code("r", String(repeating: "n", count: 300)) == .invalidArgument)
    #expect(code("r") == nil)
    #expect(code("r") == .resourceExhausted)
    var unknown = Livekit_CreateAgentDispatchRequest()
    unknown.room = "r"
    unknown.restartPolicy = .UNRECOGNIZED(7)
    #expect(harness.pool.violation(of: unknown) == "restart_policy: there is no value 7")
    #expect(throws: AgentError.self) { try harness.pool.dispatches(of: "elsewhere") }
    #expect(throws: AgentError.self) { try harness.pool.deleteDispatch("AD_x", of: "r", now: harness.now) }
  }

  @Test("there is a limit of jobs, and beyond it a note")
  func jobLimit() {
    let harness = Harness { $0.limits.jobs = 3 }
    _ = harness.worker("x")
    for index in 0..<5 { harness.open("r\(index)", agents: ["x"]) }
    #expect(harness.pool.jobCount == 3)
    #expect(harness.notes.contains(.jobNotMade(room: "r4", agentName: "x")))
  }
}
