import FoundationEssentials
import LiveKitProtocol
import SwiftProtobuf
import Testing

@testable import RoomCore

@Suite("RoomService")
struct AdministrationTests {
  private func expectNotFound(_ body: () throws(RoomError) -> Void, sourceLocation: SourceLocation = #_sourceLocation) {
    do throws(RoomError) {
      try body()
      Issue.record("it was found", sourceLocation: sourceLocation)
    } catch { #expect(error.code == .notFound, sourceLocation: sourceLocation) }
  }

  @Test("rooms are created, listed, given metadata and deleted")
  func rooms() throws {
    let harness = Harness()
    var request = Livekit_CreateRoomRequest()
    request.name = "b"
    request.emptyTimeout = 5
    request.tags = ["k": "v"]
    let (room, isNew, actions) = try harness.core.createRoom(request, now: harness.now)
    harness.perform(actions)
    #expect(isNew)
    #expect(room.sid.hasPrefix("RM_") && room.emptyTimeout == 5 && room.creationTime == 1_700_000_001)
    #expect(try harness.core.createRoom(request, now: harness.now).room == room, "it is there already")
    let alice = harness.join("alice", room: "a")
    #expect(harness.core.rooms.map(\.name) == ["a", "b"])
    var update = Livekit_UpdateRoomMetadataRequest()
    update.room = "a"
    update.metadata = "new"
    let (changed, more) = try harness.core.updateRoomMetadata(update, now: harness.now)
    harness.perform(more)
    #expect(changed.metadata == "new" && alice.messages.last?.roomUpdate.room.metadata == "new")
    harness.perform(try harness.core.deleteRoom("a", now: harness.now))
    #expect(alice.leave?.reason == .roomDeleted && alice.isClosed && harness.core.rooms.map(\.name) == ["b"])
    harness.advance(.seconds(6))
    #expect(harness.core.rooms.isEmpty)
  }

  @Test("a room that exists takes over what is set, and nothing else")
  func createdAgain() throws {
    let harness = Harness()
    let alice = harness.join("alice", room: "a")
    var request = Livekit_CreateRoomRequest()
    request.name = "a"
    request.metadata = "m"
    request.maxParticipants = 1
    request.departureTimeout = 3
    let (room, isNew, actions) = try harness.core.createRoom(request, now: harness.now)
    harness.perform(actions)
    #expect(!isNew && room.metadata == "m" && room.maxParticipants == 1 && room.departureTimeout == 3)
    #expect(room.emptyTimeout == 300 && alice.messages.last?.roomUpdate.room.metadata == "m")
    #expect(throws: RoomError.self) { try harness.core.checkPlace(for: "sip_1", in: "a") }
    #expect(throws: Never.self) { try harness.core.checkPlace(for: "alice", in: "a") }
    #expect(throws: Never.self) { try harness.core.checkPlace(for: "sip_1", in: "elsewhere") }
    var plain = Livekit_CreateRoomRequest()
    plain.name = "a"
    #expect(try harness.core.createRoom(plain, now: harness.now).room == room)
  }

  @Test("what would come to nothing for a phone is refused")
  func phones() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    var update = Livekit_UpdateParticipantRequest()
    update.room = "lobby"
    update.identity = "sip_1"
    update.name = "Phone"
    #expect(try harness.core.updateParticipant(update, now: harness.now).participant.name == "Phone")
    update.name = "Other"
    update.permission.canSubscribe = true
    #expect(throws: RoomError.self) { try harness.core.updateParticipant(update, now: harness.now) }
    #expect(try harness.core.participant("sip_1", of: "lobby").name == "Phone")
    var subscriptions = Livekit_UpdateSubscriptionsRequest()
    subscriptions.room = "lobby"
    subscriptions.identity = "sip_1"
    subscriptions.trackSids = [call.trackSID]
    #expect(throws: RoomError.self) { try harness.core.updateSubscriptions(subscriptions, now: harness.now) }
  }

  @Test("deleting a room removes its calls")
  func deletesCalls() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    harness.perform(try harness.core.deleteRoom("lobby", now: harness.now))
    #expect(harness.takeEvents().contains("call removed: roomDeleted") && harness.media.rooms.isEmpty)
  }

  @Test("participants are listed and removed")
  func participants() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    _ = try harness.call("sip_1")
    #expect(try harness.core.participants(of: "lobby").map(\.identity) == ["alice", "sip_1"])
    #expect(try harness.core.participant("sip_1", of: "lobby").kind == .sip)
    harness.perform(try harness.core.removeParticipant("sip_1", of: "lobby", now: harness.now))
    #expect(harness.takeEvents().contains("call removed: participantRemoved") && alice.others.isEmpty)
    harness.perform(try harness.core.removeParticipant("alice", of: "lobby", now: harness.now))
    #expect(alice.leave?.reason == .participantRemoved && alice.leave?.action == .disconnect)
  }

  @Test("what is not there is not found")
  func notFound() {
    let harness = Harness()
    let now = harness.now
    harness.join("alice")
    for room in ["lobby", "cellar"] {
      var mute = Livekit_MuteRoomTrackRequest()
      mute.room = room
      mute.identity = "alice"
      expectNotFound { () throws(RoomError) in _ = try harness.core.muteTrack(mute, now: now) }
      expectNotFound { () throws(RoomError) in _ = try harness.core.removeParticipant("bob", of: room, now: now) }
      expectNotFound { () throws(RoomError) in _ = try harness.core.participant("bob", of: room) }
      var update = Livekit_UpdateParticipantRequest()
      update.room = room
      update.identity = "bob"
      expectNotFound { () throws(RoomError) in _ = try harness.core.updateParticipant(update, now: now) }
    }
    expectNotFound { () throws(RoomError) in _ = try harness.core.deleteRoom("cellar", now: now) }
    expectNotFound { () throws(RoomError) in _ = try harness.core.participants(of: "cellar") }
    expectNotFound { () throws(RoomError) in _ = try harness.core.sendData(.with { $0.room = "x" }, now: now) }
  }

  @Test("a client's track is muted for it, and never opened again by another")
  func mutesClient() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    var request = Livekit_MuteRoomTrackRequest()
    request.room = "lobby"
    request.identity = "alice"
    request.trackSid = harness.publish("mic", from: alice)
    request.muted = true
    let (track, actions) = try harness.core.muteTrack(request, now: harness.now)
    harness.perform(actions)
    #expect(track.muted && track.sid == request.trackSid && harness.media.muted.count == 1)
    #expect(alice.messages.contains { $0.mute.muted && $0.mute.sid == request.trackSid })
    #expect(bob.others.values.first?.tracks.first?.muted == true)
    request.muted = false
    #expect(throws: RoomError.self) { try harness.core.muteTrack(request, now: harness.now) }
  }

  @Test("a call is muted and opened by an administrator")
  func mutesCall() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    for isMuted in [true, false] {
      var request = Livekit_MuteRoomTrackRequest()
      request.room = "lobby"
      request.identity = "sip_1"
      request.trackSid = call.trackSID
      request.muted = isMuted
      harness.perform(try harness.core.muteTrack(request, now: harness.now).actions)
      #expect(harness.takeEvents().contains("call muted: \(isMuted)"))
      #expect(harness.media.muted.contains(call.mediaTrack) == isMuted)
    }
  }

  @Test("what a participant may do is changed, and what it may not do any more ends")
  func permissions() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    harness.publish("a", from: alice)
    harness.publish("b", from: bob)
    var request = Livekit_UpdateParticipantRequest()
    request.room = "lobby"
    request.identity = "alice"
    request.name = "Alicia"
    request.attributes = ["k": "v"]
    request.permission.canPublish = false
    request.permission.canSubscribe = false
    let (info, actions) = try harness.core.updateParticipant(request, now: harness.now)
    harness.perform(actions)
    #expect(info.name == "Alicia" && info.attributes == ["k": "v"] && info.tracks.isEmpty)
    #expect(harness.media.subscriptions.isEmpty && harness.media.published.count == 1)
    #expect(bob.others.values.first?.permission.canPublish == false && bob.remoteTracks.isEmpty)
    request.permission.canSubscribe = true
    harness.perform(try harness.core.updateParticipant(request, now: harness.now).actions)
    #expect(harness.media.subscriptions.count == 1)
  }

  @Test("attributes beyond the limit are refused")
  func limits() {
    let harness = Harness()
    harness.join("alice")
    var request = Livekit_UpdateParticipantRequest()
    request.room = "lobby"
    request.identity = "alice"
    request.attributes = ["k": String(repeating: "v", count: 64_000)]
    #expect(throws: RoomError.self) { try harness.core.updateParticipant(request, now: harness.now) }
    #expect(harness.core.rooms.count == 1)
  }

  @Test("subscriptions are changed for a participant")
  func subscriptions() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    var request = Livekit_UpdateSubscriptionsRequest()
    request.room = "lobby"
    request.identity = "bob"
    request.trackSids = [harness.publish("mic", from: alice)]
    harness.perform(try harness.core.updateSubscriptions(request, now: harness.now))
    #expect(bob.remoteTracks.isEmpty && harness.media.subscriptions.isEmpty)
  }

  @Test("data of the server reaches its destinations and names no sender")
  func data() throws {
    let harness = Harness()
    harness.join("alice")
    let bob = harness.join("bob")
    var request = Livekit_SendDataRequest()
    request.room = "lobby"
    request.data = Data("news".utf8)
    request.topic = "t"
    request.kind = .lossy
    request.destinationIdentities = ["bob"]
    harness.perform(try harness.core.sendData(request, now: harness.now))
    let sent = harness.media.takeSent()
    #expect(sent.count == 1 && sent.first?.transport == harness.transport(of: bob) && sent.first?.label == "_lossy")
    let packet = try Livekit_DataPacket(serializedBytes: try #require(sent.first).bytes)
    #expect(packet.participantIdentity.isEmpty && packet.user.topic == "t" && packet.kind == .lossy)
  }

  private func methodCall(_ method: String, to identity: String, payload: String = "{}") -> Livekit_PerformRpcRequest {
    var request = Livekit_PerformRpcRequest()
    request.room = "lobby"
    request.destinationIdentity = identity
    request.method = method
    request.payload = payload
    return request
  }

  @Test("a method that the server calls reaches its participant alone, whose answer comes back to the server alone")
  func callsMethod() throws {
    let harness = Harness()
    let (alice, bob) = (harness.join("alice"), harness.join("bob"))
    let actions = try harness.core.callMethod(methodCall("greet", to: "alice"), id: "RPC_1", now: harness.now)
    harness.perform(actions)
    let sent = harness.media.takeSent()
    #expect(sent.map(\.transport) == [harness.transport(of: alice)])
    let packet = try Livekit_DataPacket(serializedBytes: try #require(sent.first).bytes)
    #expect(packet.rpcRequest.id == "RPC_1" && packet.rpcRequest.method == "greet" && packet.rpcRequest.version == 1)
    // Clients answer to the identity that called.
    #expect(!packet.participantIdentity.isEmpty)
    _ = harness.takeEvents()
    for client in [alice, bob] {
      var answer = Livekit_DataPacket()
      answer.destinationIdentities = [packet.participantIdentity]
      answer.rpcResponse.requestID = "RPC_1"
      answer.rpcResponse.payload = "hello from \(client.identity)"
      try harness.sendData(answer, from: client)
    }
    #expect(
      harness.takeEvents() == ["server answered by alice: hello from alice", "server answered by bob: hello from bob"])
    #expect(harness.media.takeSent().isEmpty)
  }

  @Test("a phone answers the server that it does not know a method")
  func callsMethodOfPhone() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    _ = harness.takeEvents()
    harness.perform(try harness.core.callMethod(methodCall("greet", to: "sip_1"), id: "RPC_1", now: harness.now))
    #expect(harness.takeEvents() == ["server answered by sip_1: ", "server answered by sip_1: error 1400"])
  }

  @Test("a method is called of someone who is there, by a name, with a payload that fits")
  func callsMethodRefused() throws {
    let harness = Harness()
    harness.join("alice")
    let long = String(repeating: "x", count: 20_000)
    for (request, code) in [
      (methodCall("greet", to: "bob"), RoomError.Code.notFound), (methodCall("", to: "alice"), .invalidArgument),
      (methodCall("greet", to: "alice", payload: long), .invalidArgument),
      (methodCall(long, to: "alice"), .invalidArgument),
    ] {
      let error = #expect(throws: RoomError.self) {
        try harness.core.callMethod(request, id: "RPC_1", now: harness.now)
      }
      #expect(error?.code == code)
    }
  }
}
