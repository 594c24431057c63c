import AgentCore
import Base
import LiveKitProtocol
import Testing

@Suite("Workers")
struct WorkerTests {
  @Test("a worker that registers learns its id and what the server is")
  func registers() throws {
    let harness = Harness()
    let worker = harness.connect()
    worker.register("x")
    guard case .register(let response) = try #require(worker.inbox.first).message else {
      Issue.record("\(worker.inbox)")
      return
    }
    #expect(response.workerID.hasPrefix("AW_") && response.workerID.count == 15)
    #expect(response.serverInfo.protocol == 16)
    #expect(worker.closed == nil)
  }

  @Test("whoever does not register within ten seconds is sent away")
  func silence() {
    let harness = Harness()
    let (silent, quick) = (harness.connect(), harness.worker("x"))
    harness.advance(.seconds(9))
    #expect(silent.closed == nil)
    harness.advance(.seconds(1))
    #expect(silent.closed == "no register within 10 s")
    #expect(quick.closed == nil)
    #expect(harness.pool.workerCount == 1)
  }

  @Test("a worker that breaks the order of the protocol is sent away and leaves nothing behind")
  func disorder() {
    let harness = Harness()
    let early = harness.connect()
    early.report(load: 0)
    #expect(early.closed == "a message came before register")
    let twice = harness.worker("x")
    twice.register("x")
    #expect(twice.closed == "a worker registered twice")
    let long = harness.connect()
    long.register(String(repeating: "n", count: 257))
    #expect(long.closed == "a name has more than 256 bytes")
    let strange = harness.connect()
    strange.register(type: .UNRECOGNIZED(9))
    #expect(strange.closed == "the job type is unknown")
    #expect(harness.pool.workerCount == 0)
    harness.open("r", agents: ["x"])
    #expect(twice.offers.isEmpty)
  }

  @Test("a ping is answered with its own time and ours in milliseconds since 1970, before register too")
  func ping() throws {
    let harness = Harness()
    let worker = harness.connect()
    var ping = Livekit_WorkerPing()
    ping.timestamp = 42
    worker.send(.ping(ping))
    let pong = try #require(worker.inbox.first).pong
    #expect(pong.lastTimestamp == 42)
    #expect(pong.timestamp == 1_700_000_001_000)
  }

  @Test("more workers than the limit are turned away")
  func limit() {
    let harness = Harness { $0.limits.workers = 2 }
    let workers = (0..<3).map { _ in harness.connect() }
    #expect(workers.map(\.closed) == [nil, nil, "too many workers"])
    workers[0].disconnect()
    #expect(harness.connect().closed == nil)
  }

  @Test("messages above the rate are dropped and counted")
  func rate() {
    let harness = Harness {
      $0.limits.messagesPerSecond = 1
      $0.limits.messageBurst = 3
    }
    let worker = harness.connect()
    worker.register("x")
    for _ in 0..<10 { worker.send(.ping(Livekit_WorkerPing())) }
    #expect(worker.inbox.count == 3)
    #expect(harness.pool.droppedMessageCount == 8)
    harness.advance(.seconds(1))
    worker.send(.ping(Livekit_WorkerPing()))
    #expect(worker.inbox.count == 4)
  }

  @Test(
    "jobs are shared among equal workers by their free load",
    arguments: [
      ([0, 0], [0.5, 0.5]), ([0.9, 0.1], [0.1, 0.9]), ([0.5, 0, 0.5], [0.25, 0.5, 0.25]), ([7, -1], [0, 1]),
    ]
      as [([Float], [Double])])
  func shares(loads: [Float], expected: [Double]) {
    let harness = Harness(seed: 3)
    let workers = loads.map { harness.worker("x", load: $0) }
    for index in 0..<1000 {
      harness.open("r\(index)", agents: ["x"])
    }
    #expect(workers.reduce(0) { $0 + $1.offers.count } == 1000)
    for (worker, share) in zip(workers, expected) {
      #expect(abs(Double(worker.offers.count) / 1000 - share) < 0.05)
    }
  }

  @Test("a worker whose load says full but whose status says available still gets jobs when there is no other")
  func loadedButAvailable() {
    let harness = Harness()
    let worker = harness.worker("x", load: .nan)
    harness.open("r", agents: ["x"])
    #expect(worker.offers.count == 1)
  }

  @Test("a full worker is asked once it says that it is not")
  func full() {
    let harness = Harness()
    let worker = harness.worker("x")
    worker.report(load: 0.9, isFull: true)
    harness.open("r", agents: ["x"])
    harness.advance(.seconds(20))
    #expect(worker.offers.isEmpty)
    #expect(harness.pool.situation(of: "r").sentence == "agent 'x': its only worker declined or cannot take more")
    worker.report(load: 0.3)
    #expect(worker.offers.count == 1)
  }

  @Test(
    "only a worker of the same type, name, namespace and deployment stands in for another",
    arguments: [
      ("x", Livekit_JobType.jtRoom, "", "", true), ("y", .jtRoom, "", "", false), ("", .jtRoom, "", "", false),
      ("x", .jtParticipant, "", "", false), ("x", .jtRoom, "", "canary", false), ("x", .jtRoom, "blue", "", false),
    ])
  func groups(name: String, type: Livekit_JobType, namespace: String, deployment: String, isEqual: Bool) {
    let harness = Harness()
    let first = harness.worker("x")
    let other = harness.worker(name, type: type, namespace: namespace, deployment: deployment)
    harness.open("r", agents: ["x"])
    let job = (first.offers + other.offers).first { $0.job.namespace == "" && $0.job.type == .jtRoom }?.job.id ?? ""
    first.decline(job)
    other.decline(job)
    #expect(first.offers.contains { $0.job.id == job })
    #expect(other.offers.contains { $0.job.id == job } == isEqual)
  }

  @Test("a simulated job comes back to the worker that asked for it, and is not made again")
  func simulation() throws {
    let harness = Harness()
    let (worker, other) = (harness.worker("x"), harness.worker("x"))
    var request = Livekit_SimulateJobRequest()
    request.room.name = "nowhere"
    worker.send(.simulateJob(request))
    let job = try #require(worker.offers.first).job
    #expect(job.id.hasPrefix("AJ_") && job.type == .jtRoom && job.room.name == "nowhere" && job.agentName == "x")
    worker.run()
    #expect(worker.assignments.first?.token == "token for agent-\(job.id)")
    worker.update(job.id, .jsFailed)
    harness.advance(.seconds(30))
    #expect(worker.offers.count == 1 && other.offers.isEmpty)
    #expect(harness.pool.jobCount == 0)

    request.participant.identity = "someone"
    for _ in 0..<40 { worker.send(.simulateJob(request)) }
    #expect(worker.offers.count == 1 + 16)
    #expect(worker.offers.last?.job.type == .jtPublisher)
    worker.disconnect()
    #expect(harness.pool.jobCount == 0)

    request.room.metadata = String(repeating: "m", count: 20_000)
    other.send(.simulateJob(request))
    #expect(other.offers.isEmpty)
  }
}

extension AgentSituation {
  var sentence: String { if case .awaited(let wait) = self { wait.sentence } else { "\(self)" } }
}
