import Base
import Bus
import LiveKitProtocol
import Testing

@Suite("Calls over the bus")
struct BusCallTests {
  private func text(_ result: Result<[[UInt8]], BusError>?) -> String {
    switch result {
    case .success(let payloads): payloads.map { String(decoding: $0, as: UTF8.self) }.sorted().joined(separator: ",")
    case .failure(let error): "\(error.code.rawValue): \(error.message)"
    case nil: "nothing"
    }
  }

  @Test("one of many servers serves a queued request")
  func queued() {
    var world = BusWorld()
    let client = world.addClient()
    let servers = (0..<5).map { _ in world.addServer() }
    for server in servers { world.register(server, .queued) }
    world.call(client, .queued, payload: Array("x".utf8))
    world.advance(.seconds(4))
    #expect(world.invocations.count == 1)
    #expect(text(world.results(client).first) == "x" + (world.invocations.first?.server ?? ""))
    #expect(world.results(client).count == 1)
    let channels = world.published.map(\.channel)
    #expect(
      channels == ["Test|Do|REQ", "Test|\(client)|CLAIM", "Test|Do|RCLAIM", "Test|\(client)|RES"],
      "servers that lost the lock say nothing")
    #expect(servers.allSatisfy { world.servers[$0]?.requestCount == 0 && world.servers[$0]?.deadline == nil })
  }

  @Test("a thousand requests to three servers are served once each")
  func thousand() {
    var world = BusWorld()
    let clients = (0..<4).map { _ in world.addClient() }
    for _ in 0..<3 { world.register(world.addServer(), .queued) }
    for index in 0..<1000 {
      world.call(clients[index % 4], .queued, payload: Array("\(index)".utf8))
      if index % 7 == 0 { world.advance(.milliseconds(1)) }
    }
    world.advance(.seconds(4))
    let served = world.invocations.map { String(decoding: $0.1.payload, as: UTF8.self) }
    #expect(served.count == 1000 && Set(served).count == 1000)
    #expect(clients.flatMap { world.results($0) }.count { (try? $0.get()) != nil } == 1000)
  }

  @Test("claimed but not queued: the client chooses one of those that offer")
  func unqueued() {
    var world = BusWorld()
    let client = world.addClient()
    let method = BusMethod(service: "Test", name: "Free", isQueued: false)
    for _ in 0..<4 { world.register(world.addServer(), method) }
    world.call(client, method)
    world.advance(.seconds(4))
    #expect(world.invocations.count == 1 && world.results(client).count == 1)
    #expect(world.published.count { $0.channel.hasSuffix("|CLAIM") } == 4)
  }

  @Test("the best offer within 200 ms of the first is taken")
  func affinity() {
    var world = BusWorld()
    let client = world.addClient()
    let servers = [0.2, 0.9, 0.5].map { world.addServer(freeCapacity: $0) }
    for server in servers { world.register(server, .best, sharesLoad: true) }
    world.call(client, .best)
    world.advance(.milliseconds(180))
    #expect(world.invocations.isEmpty, "better ones may come")
    world.advance(.milliseconds(100))
    #expect(world.invocations.map(\.server) == [servers[1]])
  }

  @Test("requests go to whoever has more free capacity")
  func load() {
    var world = BusWorld()
    let client = world.addClient()
    let servers = [0.3, 0.8, 0].map { world.addServer(freeCapacity: $0) }
    for server in servers { world.register(server, .queued, sharesLoad: true) }
    for _ in 0..<10 { world.call(client, .queued) }
    world.advance(.seconds(1))
    #expect(world.invocations.map(\.server) == [String](repeating: servers[1], count: 10))
    world.servers[servers[1]]?.freeCapacity = 0.1
    world.call(client, .queued)
    world.advance(.seconds(1))
    #expect(world.invocations.last?.server == servers[0])
  }

  @Test("full servers refuse in time, rather than leave the client without an offer")
  func full() {
    var world = BusWorld()
    let client = world.addClient()
    for _ in 0..<2 {
      let server = world.addServer(freeCapacity: 0)
      world.handlers[server] = { _ in .failure(BusError(.resourceExhausted, "full")) }
      world.register(server, .queued, sharesLoad: true)
    }
    world.call(client, .queued)
    world.advance(.seconds(1))
    #expect(world.results(client).map(text) == ["resource_exhausted: full"])
  }

  @Test("no claim: every server serves, the first response counts")
  func plain() {
    var world = BusWorld()
    let client = world.addClient()
    for _ in 0..<3 { world.register(world.addServer(), .plain) }
    world.call(client, .plain)
    world.advance(.seconds(4))
    #expect(world.invocations.count == 3 && world.results(client).count == 1)
  }

  @Test("multi: all responses until the time is up")
  func multi() {
    var world = BusWorld()
    let client = world.addClient()
    let servers = (0..<3).map { _ in world.addServer() }
    for server in servers { world.register(server, .everyone) }
    world.handlers[servers[1]] = { _ in .failure(BusError(.internal, "broken")) }
    world.call(client, .everyone, payload: [])
    world.advance(.seconds(2))
    #expect(world.results(client).isEmpty)
    world.advance(.seconds(2))
    #expect(text(world.results(client).first) == [servers[0], servers[2]].sorted().joined(separator: ","))
  }

  @Test("nobody offers: unavailable after a second")
  func nobody() {
    var world = BusWorld()
    let client = world.addClient()
    world.call(client, .queued)
    world.advance(.milliseconds(999))
    #expect(world.results(client).isEmpty)
    world.advance(.milliseconds(1))
    #expect(world.results(client).map(text) == ["unavailable: no response from servers"])
    #expect(world.clients[client]?.callCount == 0 && world.clients[client]?.deadline == nil)
  }

  @Test("a server that never answers: deadline_exceeded after the timeout")
  func silent() {
    var world = BusWorld()
    let client = world.addClient()
    let server = world.addServer()
    world.register(server, .queued)
    world.handlers[server] = { _ in nil }
    world.call(client, .queued, timing: BusClient.Timing(timeout: .seconds(5)))
    world.advance(.milliseconds(4999))
    #expect(world.results(client).isEmpty && world.invocations.count == 1)
    world.advance(.milliseconds(1))
    #expect(world.results(client).map(text) == ["deadline_exceeded: request timed out"])
    world.respond(server, world.invocations[0].1.requestID, .success([]))
    world.advance(.seconds(1))
    #expect(world.results(client).count == 1, "a late response is nobody's")
  }

  @Test("whatever is lost, a call ends once and nothing stays", arguments: ["REQ", "CLAIM", "RCLAIM", "RES"])
  func lost(kind: String) {
    var world = BusWorld()
    let client = world.addClient()
    for _ in 0..<2 { world.register(world.addServer(), .queued) }
    world.isLost = { $0.hasSuffix("|" + kind) }
    world.call(client, .queued)
    world.advance(.seconds(4))
    let code = kind == "REQ" || kind == "CLAIM" ? "unavailable" : "deadline_exceeded"
    #expect(world.results(client).map { text($0).hasPrefix(code) } == [true])
    #expect(world.invocations.count == (kind == "RES" ? 1 : 0))
    #expect(world.servers.values.allSatisfy { $0.requestCount == 0 && $0.deadline == nil })
    #expect(world.clients[client]?.callCount == 0)
  }

  @Test("random loss: every call ends once, no request is served twice")
  func randomLoss() {
    for seed in UInt64(1)...20 {
      var world = BusWorld()
      world.random = .seeded(seed)
      var dice = RandomSource.seeded(seed)
      let lost = (0..<4000).map { _ in Int.random(in: 0..<5, using: &dice) == 0 }
      var index = 0
      world.isLost = { _ in
        index += 1
        return lost[index % lost.count]
      }
      let client = world.addClient()
      for _ in 0..<3 { world.register(world.addServer(), .queued, sharesLoad: true) }
      for number in 0..<50 {
        world.call(client, .queued, payload: Array("\(number)".utf8))
        world.advance(.milliseconds(20))
      }
      world.advance(.seconds(5))
      let served = world.invocations.map { String(decoding: $0.1.payload, as: UTF8.self) }
      #expect(Set(served).count == served.count, "seed \(seed)")
      #expect(world.results(client).count == 50, "seed \(seed)")
      #expect(world.servers.values.allSatisfy { $0.requestCount == 0 }, "seed \(seed)")
    }
  }

  @Test("a topic is a channel of its own")
  func topics() {
    var world = BusWorld()
    let client = world.addClient()
    let (first, second) = (world.addServer(), world.addServer())
    world.register(first, .queued, topic: ["SCL_1"])
    world.register(second, .queued, topic: ["SCL_2"])
    world.call(client, .queued, topic: ["SCL_2"])
    world.advance(.seconds(1))
    #expect(world.invocations.map(\.server) == [second] && world.invocations.first?.1.topic == ["SCL_2"])
    world.call(client, .queued)
    world.advance(.seconds(2))
    #expect(world.results(client).map(text).last == "unavailable: no response from servers")
  }

  @Test("the bus is gone: whoever waits learns it at once")
  func gone() {
    var world = BusWorld()
    let client = world.addClient()
    let ids = [world.call(client, .queued), world.call(client, .queued)]
    let error = BusError(.unavailable, "Redis is not connected")
    let actions = world.clients[client]?.fail(error)
    #expect(actions == ids.map { .finished($0, .failure(error)) })
    world.advance(.seconds(4))
    #expect(world.results(client).isEmpty)
  }

  @Test("more calls than the table holds are refused")
  func tooMany() {
    var client = BusClient(service: "Test", clientID: "CLI_a")
    var random = RandomSource.seeded(1)
    let time = BusTime(.zero, unixNanoseconds: 0)
    for _ in 0..<BusClient.callLimit { _ = client.call(.queued, payload: [], at: time, using: &random) }
    let (id, actions) = client.call(.queued, payload: [], at: time, using: &random)
    guard case .finished(id, .failure(let error)) = actions.first else {
      Issue.record("it was taken")
      return
    }
    #expect(error.code == .resourceExhausted)
    client.forget(1)
    #expect(client.callCount == BusClient.callLimit - 1)
  }
}
