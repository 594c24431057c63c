import Base
import LiveKitProtocol
import Testing

@testable import AgentCore

/// Workers that come, go, decline, lie and forget, in rooms that open and close.
@Suite("Agent pool under random use")
struct RandomPoolTests {
  @Test("whatever workers and rooms do, the books agree, and in the end every call has its agent", arguments: 0..<40)
  func anything(seed: UInt64) {
    var world = RandomWorld(seed: seed)
    for step in 0..<1_500 {
      world.step()
      if step % 10 == 0 { world.checkBooks() }
    }
    world.checkBooks()
    world.settle()
  }

  @Test("nothing that a worker sends outside the order of things makes a trap", arguments: 0..<10)
  func rubbish(seed: UInt64) {
    var world = RandomWorld(seed: 1_000 + seed)
    for _ in 0..<500 {
      world.step()
      world.sendRubbish()
    }
    world.checkBooks()
  }
}

private struct RandomWorld {
  let harness: Harness
  let seed: UInt64
  private var random: RandomSource
  private var workers: [TestWorker] = []
  private var rooms: [String] = []
  private var agents: [String: [Livekit_ParticipantInfo]] = [:]
  private var nextRoom = 0

  private static let names = ["x", "y"]

  init(seed: UInt64) {
    self.seed = seed
    random = .seeded(seed)
    harness = Harness(seed: seed &* 31) { $0.restartDelays = Array(repeating: .seconds(1), count: 10_000) }
  }

  mutating func step() {
    switch Int.random(in: 0..<20, using: &random) {
    case 0 where workers.count < 6: workers.append(harness.worker(pick(Self.names) ?? "x"))
    case 1 where workers.count > 2: drop()
    case 2,
      3 where rooms.count < 8:
      open()
    case 4 where rooms.count > 4: close()
    case 5: pick(workers)?.report(load: .random(in: 0...1, using: &random), isFull: Bool.random(using: &random))
    case 6...12: answer()
    case 13, 14: move()
    case 15: claim()
    case 16: report()
    default: harness.advance(.milliseconds(250 * Int64.random(in: 1...20, using: &random)))
    }
  }

  mutating func sendRubbish() {
    guard let worker = pick(workers), let job = harness.pool.jobs.keys.sorted().randomElement(using: &random) else {
      return
    }
    switch Int.random(in: 0..<4, using: &random) {
    case 0: worker.accept(job) { $0.participantIdentity = "" }
    case 1: worker.update(job, .UNRECOGNIZED(77))
    case 2: worker.claim([job, job, ""])
    default: worker.send(.simulateJob(Livekit_SimulateJobRequest()))
    }
  }

  // MARK: What may happen

  private mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &random) }

  private mutating func drop() {
    guard let index = workers.indices.randomElement(using: &random) else { return }
    workers.remove(at: index).disconnect()
  }

  private mutating func open() {
    let room = "r\(nextRoom)"
    nextRoom += 1
    rooms.append(room)
    harness.open(room, agents: Bool.random(using: &random) ? ["x"] : ["x", "y"])
    harness.join("caller", room, kind: .sip)
  }

  private mutating func close() {
    guard let index = rooms.indices.randomElement(using: &random) else { return }
    let room = rooms.remove(at: index)
    harness.close(room)
    agents[room] = nil
  }

  /// An answer to one of the last offers, late ones too.
  private mutating func answer() {
    guard let worker = pick(workers), let offer = pick(worker.offers.suffix(4).map { $0 }) else { return }
    switch Int.random(in: 0..<6, using: &random) {
    case 0: worker.decline(offer.job.id)
    case 1: break
    default:
      worker.accept(offer.job.id)
      if Bool.random(using: &random) { worker.update(offer.job.id, .jsRunning) }
    }
  }

  /// An agent with a token joins its room, or one leaves.
  private mutating func move() {
    guard let room = pick(rooms) else { return }
    let here = agents[room] ?? []
    if Bool.random(using: &random), let agent = pick(here) {
      agents[room]?.removeAll { $0.sid == agent.sid }
      let reasons: [Livekit_DisconnectReason] = [.signalClose, .stateMismatch, .connectionTimeout]
      harness.leave(agent, room, pick(reasons) ?? .signalClose)
    } else {
      let assigned = workers.flatMap(\.assignments).filter { $0.job.room.name == room }
      guard let assignment = pick(assigned) else { return }
      let identity = assignment.job.state.participantIdentity
      guard !here.contains(where: { $0.identity == identity }) else { return }
      let agent = harness.join(identity, room, kind: .agent)
      agents[room, default: []].append(agent)
      clearRemoved()
    }
  }

  private mutating func claim() {
    guard let worker = pick(workers), let other = pick(workers) else { return }
    worker.claim(Array(other.assignments.suffix(3).map(\.job.id)))
  }

  private mutating func report() {
    guard let worker = pick(workers), let assignment = pick(worker.assignments) else { return }
    worker.update(assignment.job.id, Bool.random(using: &random) ? .jsFailed : .jsRunning)
  }

  /// The room server does what it was asked.
  private mutating func clearRemoved() {
    for identity in harness.takeRemoved() {
      for (room, here) in agents {
        for agent in here where agent.identity == identity {
          agents[room]?.removeAll { $0.sid == agent.sid }
          harness.leave(agent, room, .participantRemoved)
        }
      }
    }
  }

  // MARK: What must hold

  func checkBooks() {
    let pool = harness.pool
    for (id, job) in pool.jobs {
      #expect(job.id == id, "seed \(seed)")
      if let worker = job.worker { #expect(pool.workers[worker]?.jobs.contains(id) == true, "seed \(seed)") }
      let queued = pool.waiting[job.group]?.count { $0 == id } ?? 0
      #expect(queued == (job.phase == .waiting ? 1 : 0), "seed \(seed): \(job.phase)")
      #expect(pool.timed.contains(id) == (job.deadline != nil), "seed \(seed)")
      if let slot = job.slot {
        let room = pool.rooms[job.room]
        #expect(room?.jobs.contains(id) == true, "seed \(seed)")
        let dispatch = room?.dispatches.first { $0.id == job.message.dispatchID }
        #expect(dispatch?.work[slot].map { $0.job == id } ?? true, "seed \(seed): one job a slot")
      }
      if job.isAssigned { #expect(pool.rooms[job.room]?.agents[job.identity] == id, "seed \(seed)") }
    }
    for (id, worker) in pool.workers {
      for job in worker.jobs { #expect(pool.jobs[job]?.worker == id, "seed \(seed)") }
    }
    for queue in pool.waiting.values { #expect(!queue.isEmpty && queue.allSatisfy { pool.jobs[$0] != nil }) }
    #expect(pool.timed.allSatisfy { pool.jobs[$0] != nil })
    for room in pool.rooms.values {
      #expect(room.jobs.allSatisfy { pool.jobs[$0] != nil }, "seed \(seed)")
      #expect(room.agents.values.allSatisfy { pool.jobs[$0] != nil }, "seed \(seed)")
      #expect(pool.currentSituation(of: room) == room.situation, "seed \(seed)")
    }
  }

  /// From here on two good workers answer everything: then every room has one agent of each name, and one alone.
  mutating func settle() {
    for worker in workers { worker.disconnect() }
    let good = Self.names.map { harness.worker($0) }
    for _ in 0..<100 {
      harness.advance(.milliseconds(500))
      clearRemoved()
      for worker in good {
        for offer in worker.offers where harness.pool.jobs[offer.job.id]?.phase == .offered(worker.id) {
          worker.accept(offer.job.id)
          worker.update(offer.job.id, .jsRunning)
        }
      }
    }
    for room in rooms {
      for dispatch in harness.dispatches(room) {
        let live = dispatch.state.jobs.filter { $0.state.status != .jsFailed && $0.state.status != .jsSuccess }
        let isThere = live.count == 1 && live[0].state.status == .jsRunning
        #expect(isThere, "seed \(seed): \(room) \(dispatch.agentName): \(live.map(\.state))")
      }
    }
  }
}
