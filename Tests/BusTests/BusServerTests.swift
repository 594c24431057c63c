import Base
import Bus
import LiveKitProtocol
import SwiftProtobuf
import Testing

@Suite("Serving the bus")
struct BusServerTests {
  private func request(_ id: String = "REQ_1", expiresIn: Duration = .seconds(3), payload: [UInt8] = [1]) -> [UInt8] {
    var request = Internal_Request()
    request.requestID = id
    request.clientID = "CLI_c"
    request.sentAt = BusWorld.unixAtZero
    request.expiry = BusWorld.unixAtZero + expiresIn.wholeNanoseconds
    request.payload = payload
    return BusEnvelope.request(request).bytes
  }

  private func choice(_ id: String, _ server: String) -> [UInt8] {
    var choice = Internal_ClaimResponse()
    choice.requestID = id
    choice.serverID = server
    return BusEnvelope.claimResponse(choice).bytes
  }

  private let time = BusTime(.zero, unixNanoseconds: BusWorld.unixAtZero)
  private let channel = "Test|Do|REQ"
  private let claims = "Test|Do|RCLAIM"

  private func server() -> BusServer {
    var server = BusServer(service: "Test", serverID: "SRV_s")
    #expect(server.register(.queued) == [.subscribe([channel, claims])])
    #expect(server.register(.queued) == [], "it is registered already")
    return server
  }

  /// The lock that a request is waiting for.
  private func lockKey(_ actions: [BusServer.Action]) -> String? {
    if case .lock(_, let lock) = actions.first { lock.key } else { nil }
  }

  @Test("the lock is that of the payload as it came")
  func lock() {
    var server = server()
    let bytes = request()
    #expect(lockKey(server.receive(bytes, on: channel, at: time)) == QueueLock(payload: bytes).key)
  }

  @Test("an expired request is dropped", arguments: [Duration.zero, .seconds(-1), .nanoseconds(-1)])
  func expired(left: Duration) {
    var server = server()
    #expect(server.receive(request(expiresIn: left), on: channel, at: time) == [])
    #expect(server.droppedCount == 1 && server.requestCount == 0)
  }

  @Test("an expiry far away is bounded")
  func farAway() {
    var server = server()
    var message = Internal_Request()
    message.requestID = "REQ_1"
    message.expiry = .max
    _ = server.receive(BusEnvelope.request(message).bytes, on: channel, at: time)
    #expect(server.deadline ?? .zero <= MonotonicTime.zero + .seconds(86_400))
    message.requestID = "REQ_2"
    #expect(
      server.receive(
        BusEnvelope.request(message).bytes, on: channel, at: BusTime(.zero, unixNanoseconds: .min)) == [])
  }

  @Test("the same request twice is one")
  func twice() {
    var server = server()
    #expect(server.receive(request(), on: channel, at: time).count == 1)
    #expect(server.receive(request(), on: channel, at: time) == [])
    #expect(server.requestCount == 1 && server.droppedCount == 1)
  }

  @Test("a lock that is another's ends it")
  func lockedByAnother() {
    var server = server()
    _ = server.receive(request(), on: channel, at: time)
    #expect(server.locked("REQ_1", isOurs: false) == [] && server.requestCount == 0)
    #expect(server.locked("REQ_1", isOurs: true) == [], "nothing waits for it")
  }

  @Test("another server is chosen, or none: dropped")
  func notChosen() {
    var server = server()
    for id in ["REQ_1", "REQ_2"] {
      _ = server.receive(request(id), on: channel, at: time)
      #expect(server.locked(id, isOurs: true).count == 1)
    }
    #expect(server.receive(choice("REQ_1", "SRV_other"), on: claims, at: time) == [])
    #expect(server.requestCount == 1 && server.deadline == MonotonicTime.zero + .seconds(3))
    #expect(server.expire(now: MonotonicTime.zero + .seconds(3)) == [] && server.requestCount == 0)
  }

  @Test("chosen before it has offered itself: dropped")
  func chosenTooEarly() {
    var server = server()
    _ = server.receive(request(), on: channel, at: time)
    #expect(server.receive(choice("REQ_1", "SRV_s"), on: claims, at: time) == [] && server.requestCount == 0)
  }

  @Test("errors travel with code, text and details")
  func errors() throws {
    var server = server()
    _ = server.receive(request(), on: channel, at: time)
    _ = server.locked("REQ_1", isOurs: true)
    _ = server.receive(choice("REQ_1", "SRV_s"), on: claims, at: time)
    var status = Livekit_SIPStatus()
    status.code = .sipStatusBusyHere
    let error = BusError(.resourceExhausted, "busy", details: [Google_Protobuf_Any(packing: status)])
    let actions = server.respond("REQ_1", .failure(error), at: time)
    guard case .publish("Test|CLI_c|RES", let bytes) = actions.first, case .response(let found) = BusEnvelope(bytes)
    else {
      Issue.record("\(actions)")
      return
    }
    #expect(found.error == "busy" && found.code == "resource_exhausted" && found.serverID == "SRV_s")
    #expect(found.errorDetails == error.details && found.sentAt == time.unixNanoseconds)
    #expect(server.respond("REQ_1", .success([]), at: time) == [], "one response")
  }

  @Test("an error without a text still is one")
  func textless() {
    var server = server()
    _ = server.receive(request(), on: channel, at: time)
    _ = server.locked("REQ_1", isOurs: true)
    _ = server.receive(choice("REQ_1", "SRV_s"), on: claims, at: time)
    let actions = server.respond("REQ_1", .failure(BusError(.internal, "")), at: time)
    guard case .publish(_, let bytes) = actions.first, case .response(let found) = BusEnvelope(bytes) else {
      Issue.record("\(actions)")
      return
    }
    #expect(found.error == "internal")
  }

  @Test("a server that deregisters finishes what it has taken, and takes no more")
  func drains() {
    var world = BusWorld()
    let client = world.addClient()
    let server = world.addServer()
    world.handlers[server] = { _ in nil }
    world.register(server, .queued)
    world.call(client, .queued)
    // Request and offer are out; the choice is on its way.
    world.advance(.milliseconds(1))
    world.deregister(server, .queued)
    #expect(world.subscribed(server) == [claims], "it must still hear whom the client chooses")
    world.advance(.milliseconds(10))
    #expect(world.invocations.count == 1 && world.subscribed(server).isEmpty)
    world.respond(server, world.invocations[0].1.requestID, .success([5]))
    world.call(client, .queued)
    world.advance(.seconds(2))
    #expect(world.results(client).compactMap { try? $0.get() } == [[[5]]] && world.invocations.count == 1)
  }

  @Test("a request that waits its turn is left to others when the server deregisters")
  func leavesWaiting() {
    var world = BusWorld()
    let client = world.addClient()
    let (loaded, other) = (world.addServer(freeCapacity: 0.1), world.addServer(freeCapacity: 0))
    for server in [loaded, other] { world.register(server, .queued, sharesLoad: true) }
    world.call(client, .queued)
    world.advance(.milliseconds(2))
    world.deregister(loaded, .queued)
    #expect(world.subscribed(loaded).isEmpty)
    world.advance(.seconds(1))
    #expect(world.invocations.map(\.server) == [other])
    world.register(loaded, .queued)
    #expect(world.subscribed(loaded) == [channel, claims])
  }

  @Test("the table of requests is bounded")
  func bounded() {
    var server = server()
    for index in 0..<BusServer.requestLimit { _ = server.receive(request("REQ_\(index)"), on: channel, at: time) }
    #expect(server.receive(request("REQ_x"), on: channel, at: time) == [])
    #expect(server.requestCount == BusServer.requestLimit && server.droppedCount == 1)
  }

  @Test("rubbish, other channels and unknown requests change nothing")
  func rubbish() {
    var server = server()
    #expect(server.receive([1, 2, 3], on: channel, at: time) == [])
    #expect(server.receive(request(), on: "Test|Other|REQ", at: time) == [])
    #expect(server.receive(choice("REQ_9", "SRV_s"), on: claims, at: time) == [])
    #expect(server.respond("REQ_9", .success([]), at: time) == [])
    #expect(server.requestCount == 0)
  }
}
