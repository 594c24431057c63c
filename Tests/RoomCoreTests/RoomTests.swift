import Base
import LiveKitProtocol
import Testing

@testable import RoomCore

@Suite("Rooms and participants")
struct RoomTests {
  @Test("participants learn of each other")
  func fanOut() {
    let harness = Harness()
    let alice = harness.join("alice") { $0.attributes = ["seat": "1"] }
    let bob = harness.join("bob")
    #expect(alice.others.values.map(\.identity) == ["bob"] && bob.others.values.map(\.identity) == ["alice"])
    #expect(alice.others.values.first?.state == .active)
    #expect(bob.others.values.first?.attributes == ["seat": "1"])
    harness.send(.leave(Livekit_LeaveRequest()), from: bob)
    #expect(alice.others.isEmpty && bob.isClosed && bob.leave == nil)
    let last = alice.messages.last { $0.hasUpdate }?.update.participants.first
    #expect(last?.state == .disconnected && last?.disconnectReason == .clientInitiated)
  }

  @Test("events tell the life of a room in order")
  func events() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let alice = harness.join("alice")
    harness.publish("mic", from: alice)
    let track = try #require(harness.media.published.keys.first)
    harness.perform(.trackActive(track))
    harness.perform(.trackActive(track))
    harness.send(.leave(Livekit_LeaveRequest()), from: alice)
    harness.perform(harness.core.leaveLocal(call.participantSID, now: harness.now))
    harness.advance(.seconds(21))
    #expect(
      harness.takeEvents() == [
        "room lobby started", "sip_1 joined", "sip_1 active", "call sip_1 changed", "sip_1 published sip_1",
        "alice joined", "alice active", "alice published mic", "call hears alice", "alice unpublished mic",
        "alice left: clientInitiated",
        "sip_1 unpublished sip_1", "sip_1 left: clientInitiated", "room lobby finished: roomClosed",
      ])
    #expect(harness.media.rooms.isEmpty && harness.media.transports.isEmpty && harness.core.rooms.isEmpty)
  }

  @Test("a second client of an identity takes the place of the first")
  func duplicate() {
    let harness = Harness()
    let old = harness.join("alice")
    let bob = harness.join("bob")
    harness.publish("mic", from: old)
    let new = harness.join("alice")
    #expect(old.leave?.reason == .duplicateIdentity && old.leave?.action == .disconnect && old.isClosed)
    #expect(new.messages.first?.join.otherParticipants.map(\.identity) == ["bob"])
    #expect(bob.others.values.map(\.sid) == [new.me.sid] && bob.remoteTracks.isEmpty)
    #expect(harness.media.published.isEmpty)
    harness.perform(.sessionClosed(old.session))
    #expect(try! harness.core.participants(of: "lobby").count == 2)
  }

  @Test("the same for two calls of one number")
  func duplicateCall() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    let second = try harness.call("sip_1")
    #expect(harness.takeEvents().contains("call removed: duplicateIdentity"))
    #expect(try harness.core.participants(of: "lobby").map(\.sid) == [second.participantSID])
  }

  @Test("a client that is sent away hears so before its transport closes")
  func leavesFirst() throws {
    let harness = Harness()
    harness.join("alice")
    let actions = try harness.core.deleteRoom("lobby", now: harness.now)
    let leave = actions.firstIndex {
      if case .send(_, let message) = $0 { message.leave.reason == .roomDeleted } else { false }
    }
    let close = actions.firstIndex { if case .media(_, .closeTransport) = $0 { true } else { false } }
    #expect(try #require(leave) < #require(close))
  }

  @Test(
    "a room closes when it has been empty for its time",
    arguments: [(false, 299, true), (false, 301, false), (true, 19, true), (true, 21, false)])
  func timeouts(wasJoined: Bool, seconds: Int, isThere: Bool) throws {
    let harness = Harness()
    var request = Livekit_CreateRoomRequest()
    request.name = "lobby"
    harness.perform(try harness.core.createRoom(request, now: harness.now).actions)
    if wasJoined { harness.send(.leave(Livekit_LeaveRequest()), from: harness.join("alice")) }
    harness.advance(.seconds(seconds))
    #expect(harness.core.rooms.isEmpty != isThere)
  }

  @Test("agents do not keep a room open, and are told when it closes")
  func agentsAlone() {
    let harness = Harness()
    let agent = harness.join("agent") { $0.kind = .agent }
    let alice = harness.join("alice")
    harness.send(.leave(Livekit_LeaveRequest()), from: alice)
    for _ in 0..<21 {
      if !agent.isClosed { harness.send(.ping(0), from: agent) }
      harness.advance(.seconds(1))
    }
    #expect(agent.leave?.reason == .roomClosed && harness.core.rooms.isEmpty)
  }

  @Test("a room's own settings come from what created it")
  func roomConfiguration() throws {
    let harness = Harness()
    var configuration = Livekit_RoomConfiguration()
    configuration.departureTimeout = 3
    configuration.maxParticipants = 1
    configuration.metadata = "m"
    configuration.agents = [Livekit_RoomAgentDispatch()]
    let (join, actions) = try harness.core.joinLocal(
      LocalParticipant(identity: "sip_1", name: ""), room: "lobby", configuration: configuration, now: harness.now)
    guard case .event(.roomStarted(let room, let started)) = try #require(actions.dropFirst().first) else {
      Issue.record("no start")
      return
    }
    #expect(started.agents.count == 1 && room.departureTimeout == 3 && room.metadata == "m")
    harness.media.localTracks.insert(join.mediaTrack)
    harness.perform(actions)
    let intent = JoinIntent(grants: Harness.grants("b"), query: .init(joinRequest: Livekit_JoinRequest(), true))
    #expect(harness.core.refusal(of: intent)?.status == 503)
    var agent = intent
    agent.grants.kind = .agent
    #expect(harness.core.refusal(of: agent) == nil, "agents do not count")
  }

  @Test(
    "a join is refused before the WebSocket opens",
    arguments: [
      ("no roomJoin", 401), ("other room", 401), ("no room", 400), ("no identity", 400), ("long identity", 400),
      ("large metadata", 400), ("large attributes", 400), ("no such room", 404), ("too many rooms", 503),
    ])
  func refusals(situation: String, status: Int) {
    var configuration = Harness.configuration
    if situation == "no such room" { configuration.autoCreate = false }
    if situation == "too many rooms" { configuration.limits.rooms = 0 }
    let core = RoomServerCore(configuration: configuration, seed: 1)
    var intent = JoinIntent(grants: Harness.grants("alice"), query: .init(joinRequest: Livekit_JoinRequest(), true))
    switch situation {
    case "no roomJoin": intent.grants.video.roomJoin = nil
    case "other room": intent.query.room = "cellar"
    case "no room": intent.grants.video.room = nil
    case "no identity": intent.grants.identity = ""
    case "long identity": intent.grants.identity = String(repeating: "i", count: 257)
    case "large metadata": intent.grants.metadata = String(repeating: "m", count: 64_001)
    case "large attributes": intent.grants.attributes = ["a": String(repeating: "m", count: 64_000)]
    default: break
    }
    #expect(core.refusal(of: intent)?.status == status)
    if situation == "no such room" {
      intent.grants.video.roomCreate = true
      #expect(core.refusal(of: intent) == nil)
    }
  }

  @Test("a join request cannot bring more metadata or attributes than an update may", arguments: [true, false])
  func largeJoinRequest(mayUpdate: Bool) {
    var request = Livekit_JoinRequest()
    request.participantAttributes = ["a": String(repeating: "m", count: 40_000)]
    var intent = JoinIntent(grants: Harness.grants("ann"), query: .init(joinRequest: request, true))
    intent.grants.video.canUpdateOwnMetadata = mayUpdate
    let core = RoomServerCore(configuration: Harness.configuration)
    #expect(core.refusal(of: intent) == nil)
    intent.grants.attributes = ["b": String(repeating: "m", count: 40_000)]
    // What may not be set is not kept, and its size is no matter.
    #expect(core.refusal(of: intent)?.status == (mayUpdate ? 400 : nil))
    intent.grants.attributes = [:]
    intent.query.joinRequest.metadata = String(repeating: "m", count: 64_001)
    #expect(core.refusal(of: intent)?.status == (mayUpdate ? 400 : nil))
  }

  @Test("a client's list of its features is not passed on in any length")
  func manyCapabilities() throws {
    var core = RoomServerCore(configuration: Harness.configuration)
    var request = Livekit_JoinRequest()
    request.clientInfo.capabilities = Array(repeating: .capPacketTrailer, count: 100_000)
    let intent = JoinIntent(grants: Harness.grants("ann"), query: .init(joinRequest: request, true))
    _ = core.handle(.join(SessionID(rawValue: 1), intent), now: .zero)
    #expect(try core.participants(of: "lobby").map(\.capabilities.count) == [16])
  }

  @Test("a hidden participant is seen by nobody and sees everybody")
  func hidden() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let ghost = harness.join("ghost") { $0.video.hidden = true }
    let bob = harness.join("bob")
    #expect(alice.others.values.map(\.identity) == ["bob"])
    #expect(bob.others.values.map(\.identity) == ["alice"])
    #expect(Set(ghost.others.values.map(\.identity)) == ["alice", "bob"])
    harness.send(.leave(Livekit_LeaveRequest()), from: ghost)
    #expect(!alice.messages.contains { $0.update.participants.contains { $0.identity == "ghost" } })
  }

  @Test("versions only grow")
  func versions() {
    let harness = Harness()
    let alice = harness.join("alice") { $0.video.canUpdateOwnMetadata = true }
    let bob = harness.join("bob")
    for number in 0..<5 {
      var request = Livekit_UpdateParticipantMetadata()
      request.attributes = ["n": String(number)]
      harness.send(.updateMetadata(request), from: alice)
    }
    let versions = bob.messages.flatMap(\.update.participants).filter { $0.identity == "alice" }.map(\.version)
    #expect(versions.count >= 5 && versions == versions.sorted() && Set(versions).count == versions.count)
    #expect(bob.others.values.first?.attributes == ["n": "4"])
  }

  @Test("metadata is updated by those who may, within limits, and the request is answered")
  func metadata() {
    let harness = Harness()
    let alice = harness.join("alice") { $0.video.canUpdateOwnMetadata = true }
    let bob = harness.join("bob")
    func ask(_ client: Client, _ change: (inout Livekit_UpdateParticipantMetadata) -> Void) -> Livekit_RequestResponse?
    {
      var request = Livekit_UpdateParticipantMetadata()
      request.requestID = 9
      change(&request)
      _ = client.takeMessages()
      harness.send(.updateMetadata(request), from: client)
      return client.messages.first?.requestResponse
    }
    let ok = ask(alice) {
      $0.name = "Al"
      $0.metadata = "m"
      $0.attributes = ["a": "1", "b": "2"]
    }
    #expect(ok?.reason == .ok && ok?.requestID == 9)
    #expect(alice.me.name == "Al" && alice.me.metadata == "m" && alice.me.attributes == ["a": "1", "b": "2"])
    #expect(ask(alice) { $0.attributes = ["a": ""] }?.reason == .ok)
    #expect(alice.me.attributes == ["b": "2"] && alice.me.name == "Al", "what is empty is left alone")
    #expect(bob.others.values.first?.attributes == ["b": "2"])
    #expect(ask(bob) { $0.name = "Bobby" }?.reason == .notAllowed && bob.me.name == "BOB")
    for (change, word) in [
      ({ $0.name = String(repeating: "n", count: 257) }, "name"),
      ({ $0.metadata = String(repeating: "n", count: 64_001) }, "metadata"),
      ({ $0.attributes = ["n": String(repeating: "n", count: 64_000)] }, "attributes"),
    ] as [((inout Livekit_UpdateParticipantMetadata) -> Void, String)] {
      let response = ask(alice, change)
      #expect(response?.reason == .limitExceeded && response?.message.contains(word) == true)
    }
  }

  @Test("a track is muted by its owner, and everybody learns of it")
  func mute() {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let sid = harness.publish("mic", from: alice)
    var request = Livekit_MuteTrackRequest()
    request.sid = sid
    request.muted = true
    harness.send(.mute(request), from: alice)
    #expect(bob.others.values.first?.tracks.first?.muted == true && harness.media.muted.count == 1)
    request.muted = false
    harness.send(.mute(request), from: alice)
    #expect(bob.others.values.first?.tracks.first?.muted == false && harness.media.muted.isEmpty)
    request.sid = "TR_none"
    harness.send(.mute(request), from: alice)
    #expect(alice.messages.last?.requestResponse.reason == .notFound)
  }

  @Test("a track that is muted when announced is muted in the media loop from the start")
  func mutedFromTheStart() {
    let harness = Harness()
    let alice = harness.join("alice")
    var request = Livekit_AddTrackRequest()
    request.cid = "mic"
    request.muted = true
    harness.send(.addTrack(request), from: alice)
    alice.peer.add("audio", "sendonly", cid: "mic")
    harness.send(.offer(alice.offer()), from: alice)
    #expect(harness.media.muted.count == 1)
  }

  @Test("a call's attributes change and reach the clients")
  func callAttributes() throws {
    let harness = Harness()
    let call = try harness.call("sip_1", attributes: ["sip.callStatus": "ringing", "sip.callID": "SCL_1"])
    let alice = harness.join("alice")
    #expect(alice.others.values.first?.attributes["sip.callStatus"] == "ringing")
    for status in ["active", "hangup"] {
      harness.perform(
        harness.core.updateLocal(call.participantSID, attributes: ["sip.callStatus": status], now: harness.now))
      #expect(alice.others.values.first?.attributes == ["sip.callStatus": status, "sip.callID": "SCL_1"])
    }
    #expect(harness.core.updateLocal("PA_none", attributes: ["a": "b"], now: harness.now).isEmpty)
  }

  @Test("two calls hear each other")
  func twoCalls() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    #expect(!harness.takeEvents().contains { $0.hasPrefix("call hears") })
    _ = try harness.call("sip_2")
    #expect(
      Set(harness.takeEvents().filter { $0.hasPrefix("call hears") }) == ["call hears sip_1", "call hears sip_2"])
  }

  @Test("a publisher learns that a call hears it, whoever came first", arguments: [true, false])
  func callSubscribes(isCallFirst: Bool) throws {
    let harness = Harness()
    if isCallFirst { _ = try harness.call("sip_1") }
    let alice = harness.join("alice")
    let sid = harness.publish("mic", from: alice)
    if !isCallFirst { _ = try harness.call("sip_1") }
    #expect(alice.messages.count { $0.trackSubscribed.trackSid == sid } == 1)
  }

  @Test("a client whose transport fails must begin anew; one that never connects too")
  func failures() {
    let harness = Harness()
    let alice = harness.join("alice")
    harness.perform(.transportFailed(harness.transport(of: alice) ?? MediaTransportID(rawValue: 0)))
    #expect(alice.leave?.action == .reconnect && alice.leave?.reason == .connectionTimeout && alice.isClosed)
    harness.connectsTransports = false
    let bob = harness.join("bob")
    for _ in 0..<5 {
      if !bob.isClosed { harness.send(.ping(0), from: bob) }
      harness.advance(.seconds(5))
    }
    #expect(bob.leave?.action == .reconnect && bob.me.state == .joined)
  }

  @Test("rooms are spread over the media loops")
  func loops() throws {
    var configuration = Harness.configuration
    configuration.mediaAddresses = Array(repeating: configuration.mediaAddresses[0], count: 3)
    var core = RoomServerCore(configuration: configuration, seed: 1)
    var loops: [Int] = []
    for number in 0..<6 {
      let local = LocalParticipant(identity: "sip", name: "")
      loops.append(try core.joinLocal(local, room: "room\(number)", now: .zero).join.loop)
    }
    #expect(loops == [0, 1, 2, 0, 1, 2])
  }

  @Test("a client whose requests beyond the rate do not end is sent away, and others keep theirs")
  func requestFlood() {
    let harness = Harness()
    let limits = harness.core.configuration.limits
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let allowed = limits.requestBurst + limits.excessRequests
    for _ in 0..<allowed { harness.send(.ping(0), from: alice) }
    #expect(!alice.isClosed && harness.core.counters.requestsOverRate == limits.excessRequests)
    harness.send(.ping(0), from: alice)
    #expect(alice.isClosed && alice.closeCode == 1008 && harness.core.counters.clientsBanished == 1)
    #expect(alice.leave?.action == .disconnect && alice.leave?.reason == .participantRemoved)
    #expect(bob.others.isEmpty && !bob.isClosed)
    harness.send(.ping(0), from: alice)
    harness.resume(alice)
    #expect(alice.leave?.action == .reconnect, "its place is not kept")
    #expect(harness.join("alice").me.state == .active)
  }

  @Test("requests a little beyond the rate are dropped for ever and end nothing")
  func eagerClient() {
    let harness = Harness()
    let alice = harness.join("alice")
    for _ in 0..<400 {
      for _ in 0..<20 { harness.send(.ping(0), from: alice) }
      harness.advance(.milliseconds(250))
    }
    #expect(!alice.isClosed && harness.core.counters.requestsOverRate > 1_000)
  }

  @Test("requests beyond the rate are dropped and counted")
  func requestRate() {
    var configuration = Harness.configuration
    configuration.limits.requestBurst = 10
    let harness = Harness(configuration: configuration)
    let alice = harness.join("alice")
    _ = alice.takeMessages()
    for _ in 0..<50 { harness.send(.ping(0), from: alice) }
    #expect(alice.takeMessages().count == 10 && harness.core.counters.requestsOverRate == 40)
    harness.advance(.seconds(1))
    harness.send(.ping(0), from: alice)
    #expect(alice.messages.count == 1)
  }

  @Test("data tracks and blobs are refused, not passed over")
  func unsupported() {
    let harness = Harness()
    let alice = harness.join("alice")
    var publish = Livekit_PublishDataTrackRequest()
    publish.pubHandle = 3
    var store = Livekit_StoreDataBlobRequest()
    store.requestID = 5
    harness.send(.publishDataTrackRequest(publish), from: alice)
    #expect(alice.messages.last?.requestResponse.publishDataTrack.pubHandle == 3)
    harness.send(.storeDataBlobRequest(store), from: alice)
    #expect(alice.messages.last?.requestResponse.requestID == 5)
    #expect(alice.messages.last?.requestResponse.reason == .unsupportedType)
  }
}
