import Base
import LiveKitProtocol
import RoomCore
import Testing

@testable import RoomClientCore

@Suite("When the way to a room breaks")
struct ReconnectTests {
  private func sequence(_ world: World) -> [String] {
    world.takeEvents().compactMap { event in
      switch event {
      case .joined: "joined"
      case .rejoined: "rejoined"
      case .mediaLost: "lost"
      case .mediaRestored: "restored"
      case .removed(let reason): "removed \(reason)"
      case .roomDeleted: "deleted"
      case .lost: "given up"
      case .joinFailed: "never in"
      case .changed, .attributes, .data, .moved, .note: nil
      }
    }
  }

  /// The room has it once, connected, published, and it hears the agent.
  private func isWell(_ world: World) -> Bool {
    let mine = (try? world.server?.participants(of: "lobby"))?.filter { $0.identity == World.entry.identity } ?? []
    return mine.count == 1 && mine[0].state == .active && mine[0].tracks.count == 1
      && mine[0].sid == world.session.participantSID && world.session.state == .live && world.session.isMediaUp
      && world.session.lostSince == nil && world.session.reported.audibleTracks == 1
  }

  @Test("a WebSocket that is cut is resumed: the same participant, its media undisturbed", arguments: [true, false])
  func signallingCut(isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    try world.join("agent")
    world.advance(.seconds(1))
    let sid = world.session.participantSID
    let transports = Set(world.media.client.transports.keys)
    _ = sequence(world)
    world.cutSignalling()
    // What happens meanwhile is made up for.
    world.perform(.setAttributes(["ticket": "7"]))
    try world.join("late")
    world.advance(.seconds(2))
    #expect(world.session.participantSID == sid && world.session.state == .live && world.session.lostSince == nil)
    #expect(Set(world.media.client.transports.keys) == transports)
    #expect(sequence(world) == [])
    #expect(world.participant?.attributes["ticket"] == "7" && world.session.reported.audibleTracks == 2)
    let query = try #require(World.query(world.targets.last?.path ?? ""))
    #expect(query.joinRequest.reconnect && query.joinRequest.participantSid == sid)
    #expect(query.isSinglePeerConnection == isSingle && world.targets.count == 2)
    // Both sides of each connection begin ICE anew.
    #expect(world.media.restarts.count == transports.count * 2)
    #expect(world.serverEvents.contains { if case .participantResumed = $0 { true } else { false } })
  }

  @Test("digits that the server has not seen are sent again, those it has are not")
  func unseenDigits() throws {
    let world = World.joined()
    try world.join("agent")
    world.advance(.seconds(1))
    func press(_ digit: String) {
      var packet = Livekit_DataPacket()
      packet.sipDtmf.digit = digit
      world.perform(.send(packet))
    }
    press("1")
    world.advance(.seconds(1))
    world.media.isCut = true
    press("2")
    world.advance(.milliseconds(200))
    world.media.isCut = false
    world.cutSignalling()
    world.advance(.seconds(2))
    press("3")
    world.advance(.seconds(1))
    // SCTP would bring 2 anyway: a packet is reliable. The resume alone does too.
    #expect(world.digits == ["1", "2", "3"])
  }

  @Test(
    "digits of an outage arrive after it, each once and in their order, whether the call resumes or joins anew",
    arguments: [10, 25, 50], [true, false])
  func digitsOfAnOutage(seconds: Int, isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    try world.join("agent")
    world.advance(.seconds(1))
    func press(_ digit: String) {
      var packet = Livekit_DataPacket()
      packet.sipDtmf.digit = digit
      world.perform(.send(packet))
    }
    press("1")
    world.advance(.seconds(1))
    world.media.isCut = true
    // Before the outage is noticed, while it lasts, near its end.
    for (digit, wait) in [("2", 2), ("3", 4), ("4", seconds - 7), ("5", 1)] {
      world.advance(.seconds(wait))
      press(digit)
    }
    #expect(world.digits == ["1"])
    world.media.isCut = false
    world.advance(.seconds(25))
    press("6")
    world.advance(.seconds(1))
    #expect(isWell(world) && world.digits == ["1", "2", "3", "4", "5", "6"])
  }

  @Test("digits for a server that is being restarted reach the one that comes")
  func digitsForARestartedServer() throws {
    let world = World.joined()
    try world.join("agent")
    world.advance(.seconds(1))
    world.stopServer()
    for digit in ["1", "2"] {
      world.advance(.seconds(1))
      var packet = Livekit_DataPacket()
      packet.sipDtmf.digit = digit
      world.perform(.send(packet))
    }
    world.startServer()
    try world.join("agent")
    world.advance(.seconds(20))
    #expect(isWell(world) && world.digits == ["1", "2"])
  }

  @Test("who has been gone for too long is in the room as another participant", arguments: [true, false])
  func forgotten(isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    try world.join("agent")
    world.advance(.seconds(1))
    let sid = world.session.participantSID
    _ = sequence(world)
    world.refusal = (503, "")
    world.cutSignalling()
    world.advance(.seconds(8))
    #expect(world.participant == nil, "the server has forgotten it")
    world.refusal = nil
    world.advance(.seconds(6))
    #expect(isWell(world) && world.session.participantSID != sid)
    #expect(sequence(world) == ["lost", "rejoined", "restored"])
  }

  @Test("a server that is stopped and started: the call waits, and is in the new room", arguments: [true, false])
  func serverRestart(isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    world.perform(.setAttributes(["ticket": "7"]))
    world.advance(.seconds(1))
    _ = sequence(world)
    world.stopServer()
    world.advance(.seconds(12))
    #expect(sequence(world) == ["lost"])
    world.startServer()
    try world.join("agent")
    world.advance(.seconds(10))
    #expect(isWell(world))
    #expect(sequence(world) == ["rejoined", "restored"])
    #expect(world.participant?.attributes["ticket"] == "7")
    #expect(world.media.client.transports.count == (isSingle ? 1 : 2), "the former ones are closed")
  }

  struct Cut: CustomTestStringConvertible, Sendable {
    var seconds: Int
    var expected: [String]
    var testDescription: String { "\(seconds) s" }
  }

  @Test(
    "the media's path is cut",
    arguments: [
      Cut(seconds: 3, expected: []), Cut(seconds: 10, expected: ["lost", "restored"]),
      Cut(seconds: 25, expected: ["lost", "restored"]),
      Cut(seconds: 40, expected: ["lost", "rejoined", "restored"]),
      Cut(seconds: 80, expected: ["lost", "rejoined", "rejoined", "given up"]),
    ], [true, false])
  func mediaCut(_ cut: Cut, isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle) { $0.reconnectTimeout = .seconds(60) }
    try world.join("agent")
    world.advance(.seconds(1))
    let sid = world.session.participantSID
    _ = sequence(world)
    world.media.isCut = true
    world.advance(.seconds(cut.seconds))
    world.media.isCut = false
    world.advance(.seconds(25))
    let events = sequence(world)
    #expect(events.filter { $0 != "rejoined" } == cut.expected.filter { $0 != "rejoined" })
    #expect(events.contains("rejoined") == cut.expected.contains("rejoined"))
    let isGivenUp = cut.expected.last == "given up"
    #expect(isWell(world) == !isGivenUp && world.session.isEnded == isGivenUp)
    if !cut.expected.contains("rejoined") { #expect(world.session.participantSID == sid) }
  }

  @Test("an outage of everything ends after its time, and no sooner")
  func givingUp() throws {
    let world = World.joined { $0.reconnectTimeout = .seconds(30) }
    world.stopServer()
    world.advance(.seconds(30))
    #expect(!world.session.isEnded)
    world.advance(.seconds(1))
    #expect(sequence(world) == ["joined", "lost", "given up"])
    #expect(world.media.client.rooms.isEmpty && (7...20).contains(world.targets.count), "\(world.targets.count)")
    let count = world.targets.count
    world.advance(.seconds(30))
    #expect(world.targets.count == count)
  }

  @Test("a connection on which nothing is heard is given up after the server's ping timeout")
  func silence() throws {
    let world = World.joined()
    world.advance(.seconds(40))
    #expect(world.targets.count == 1, "pongs are heard")
    #expect(world.requests.count { if case .pingReq = $0.message { true } else { false } } >= 7)
    world.losesSignalling = true
    world.advance(.seconds(16))
    #expect(world.targets.count >= 2)
    world.losesSignalling = false
    try world.join("agent")
    world.advance(.seconds(20))
    #expect(isWell(world))
  }

  struct Leave: CustomTestStringConvertible, Sendable {
    var action: Livekit_LeaveRequest.Action
    var reason: Livekit_DisconnectReason
    var canReconnect = false
    var expected: [String]
    var testDescription: String { "\(action) \(reason)" }
  }

  @Test(
    "what a leave means",
    arguments: [
      Leave(action: .resume, reason: .unknownReason, expected: []),
      Leave(action: .reconnect, reason: .stateMismatch, expected: ["rejoined"]),
      Leave(action: .disconnect, reason: .serverShutdown, expected: ["rejoined"]),
      Leave(action: .disconnect, reason: .connectionTimeout, expected: ["rejoined"]),
      Leave(action: .disconnect, reason: .unknownReason, canReconnect: true, expected: ["rejoined"]),
      Leave(action: .disconnect, reason: .participantRemoved, expected: ["removed participantRemoved"]),
      Leave(action: .disconnect, reason: .duplicateIdentity, expected: ["removed duplicateIdentity"]),
      Leave(action: .disconnect, reason: .roomDeleted, expected: ["deleted"]),
      Leave(action: .disconnect, reason: .roomClosed, expected: ["deleted"]),
    ])
  func leaves(_ leave: Leave) throws {
    let world = World.joined()
    try world.join("agent")
    world.advance(.seconds(1))
    _ = sequence(world)
    var message = Livekit_LeaveRequest()
    message.action = leave.action
    message.reason = leave.reason
    message.canReconnect = leave.canReconnect
    world.say(.leave(message))
    world.advance(.seconds(5))
    #expect(sequence(world) == leave.expected)
    #expect(world.session.isEnded != isWell(world))
  }

  @Test("the newest token that the server gave is what a resume shows")
  func refreshedToken() {
    let world = World.joined()
    world.say(.refreshToken("newer"))
    world.token = "minted again"
    world.cutSignalling()
    world.advance(.seconds(2))
    #expect(world.targets.map(\.token) == ["token", "newer"])
  }

  @Test("regions of a leave are where the call joins anew")
  func leaveWithRegions() throws {
    let world = World.joined()
    var message = Livekit_LeaveRequest()
    message.action = .reconnect
    message.regions.regions = ["wss://b.example.com", "nonsense", "wss://c.example.com"].map {
      var region = Livekit_RegionInfo()
      region.url = $0
      return region
    }
    world.say(.leave(message))
    world.advance(.seconds(2))
    #expect(world.targets.map(\.url.host) == ["rooms.example.com", "b.example.com"])
    #expect(world.session.state == .live)
  }

  @Test("LiveKit's service is asked for its regions when it cannot be reached; another server is not")
  func cloudRegions() {
    for host in ["x.livekit.cloud", "rooms.example.com"] {
      let world = World { $0.url = World.url("wss://\(host)") }
      world.regions = [World.url("wss://x.livekit.cloud"), World.url("wss://x.osweden.production.livekit.cloud")]
      world.refusal = (503, "")
      world.perform(.start)
      world.advance(.milliseconds(400))
      world.refusal = nil
      world.advance(.seconds(3))
      #expect(world.session.state == .live)
      #expect(world.regionQuestions == (host == "rooms.example.com" ? 0 : 1))
      let hasTriedTheRegion = world.targets.contains { $0.url.host == "x.osweden.production.livekit.cloud" }
      #expect(hasTriedTheRegion == (host != "rooms.example.com"))
    }
  }

  @Test("whatever breaks when, the call is in the room once all is well, or has been told why not", arguments: 0..<200)
  func random(seed: UInt64) throws {
    var random = RandomSource.seeded(seed)
    let world = World(isSingle: Bool.random(using: &random), seed: seed) { $0.reconnectTimeout = .seconds(300) }
    world.latency = .milliseconds(Int.random(in: 1...150, using: &random))
    try world.join("agent")
    world.perform(.start)
    for _ in 0..<Int.random(in: 3...25, using: &random) {
      world.advance(.milliseconds(Int.random(in: 0...4_000, using: &random)))
      switch Int.random(in: 0..<10, using: &random) {
      case 0: world.cutSignalling()
      case 1: world.stopServer()
      case 2:
        if world.server == nil {
          world.startServer(seed: seed &+ 1_000)
          try world.join("agent")
        }
      case 3: world.media.isCut.toggle()
      case 4: world.losesSignalling.toggle()
      case 5: world.refusal = world.refusal == nil ? (503, "") : nil
      case 6: world.perform(.setAttributes(["n": "\(seed)"]))
      case 7: world.latency = .milliseconds(Int.random(in: 1...150, using: &random))
      case 8:
        var message = Livekit_LeaveRequest()
        message.action = Bool.random(using: &random) ? .resume : .reconnect
        world.say(.leave(message))
      default: world.advance(.seconds(Int.random(in: 0...35, using: &random)))
      }
    }
    world.losesSignalling = false
    world.refusal = nil
    world.media.isCut = false
    if world.server == nil {
      world.startServer(seed: seed &+ 2_000)
      try world.join("agent")
    }
    world.advance(.seconds(60))
    if world.session.isEnded {
      #expect(["never in", "given up"].contains(sequence(world).last), "seed \(seed)")
    } else {
      #expect(isWell(world), "seed \(seed)")
    }
    world.perform(.leave(.clientInitiated))
    world.advance(.seconds(10))
    #expect(world.participant == nil && world.media.client.rooms.isEmpty && !world.isConnected, "seed \(seed)")
    #expect(world.media.leases.isEmpty, "seed \(seed)")
  }
}
