import Base
import LiveKitProtocol
import RoomCore
import SwiftProtobuf
import Testing

@testable import RoomClientCore

@Suite("In a room elsewhere")
struct InRoomTests {
  private func digit(_ digit: String) -> Livekit_DataPacket {
    var packet = Livekit_DataPacket()
    packet.sipDtmf.digit = digit
    return packet
  }

  private func localData(_ world: World) -> [String] {
    world.serverEvents.compactMap { event in
      if case .localData(_, let packet) = event { packet.participantIdentity + " " + packet.sipDtmf.digit } else { nil }
    }
  }

  @Test("digits of the phone reach the room, those that come before the channel is open too", arguments: [true, false])
  func digitsOut(isSingle: Bool) throws {
    let world = World(isSingle: isSingle)
    try world.join("agent")
    world.perform(.start)
    world.advance(.milliseconds(70))
    for text in ["1", "2"] { world.perform(.send(digit(text))) }
    world.advance(.seconds(1))
    world.perform(.send(digit("3")))
    world.advance(.seconds(1))
    #expect(localData(world) == ["1", "2", "3"].map { World.entry.identity + " " + $0 })
  }

  @Test("digits and calls of methods for the phone are told, once each; other data is not", arguments: [true, false])
  func dataIn(isSingle: Bool) throws {
    let world = World(isSingle: isSingle)
    let agent = try world.join("agent")
    world.perform(.start)
    world.advance(.seconds(1))
    var rpc = Livekit_DataPacket()
    rpc.rpcRequest.method = "lk.sip.EndCall"
    rpc.destinationIdentities = [World.entry.identity]
    var chat = Livekit_DataPacket()
    chat.user.topic = "chat"
    var notForUs = digit("9")
    notForUs.destinationIdentities = ["someone"]
    _ = world.takeEvents()
    for packet in [digit("5"), rpc, chat, notForUs, digit("6")] {
      world.onServer { $0.sendLocal(agent.participantSID, packet, now: $1) }
    }
    world.advance(.seconds(1))
    let values = world.takeEvents().compactMap { event -> String? in
      guard case .data(let packet) = event else { return nil }
      return packet.participantIdentity + " " + (packet.sipDtmf.digit + packet.rpcRequest.method)
    }
    #expect(values == ["agent 5", "agent lk.sip.EndCall", "agent 6"])

    var repeated = digit("7")
    repeated.participantSid = agent.participantSID
    repeated.sequence = 3
    let bytes: [UInt8] = try repeated.serializedBytes()
    let transport = try #require(world.media.client.transports.keys.first)
    world.perform(.data(transport, label: "_reliable", bytes))
    world.perform(.data(transport, label: "_reliable", [0xFF, 0xFF]))
    #expect(world.takeEvents().isEmpty, "what a resume brings again was told already")
  }

  @Test("attributes of ours reach the room; what others set reaches us")
  func attributes() throws {
    let world = World.joined()
    world.perform(.setAttributes(["sip.callStatus": "active", "ticket": "7"]))
    world.advance(.seconds(1))
    #expect(
      world.participant?.attributes == ["sip.callID": "SCL_1", "sip.callStatus": "active", "ticket": "7"])
    #expect(world.session.pendingAttributes.isEmpty)
    _ = world.takeEvents()
    world.perform(.setAttributes(["ticket": ""]))
    var request = Livekit_UpdateParticipantRequest()
    request.room = "lobby"
    request.identity = World.entry.identity
    request.attributes = ["queue": "gold"]
    try world.onServer { try $0.updateParticipant(request, now: $1).actions }
    world.advance(.seconds(1))
    let expected = ["sip.callID": "SCL_1", "sip.callStatus": "active", "queue": "gold"]
    #expect(world.participant?.attributes == expected)
    #expect(world.takeEvents() == [.attributes(expected)])
  }

  @Test("a moderator's mute silences the call, and lasts through joining anew")
  func muting() throws {
    let world = World.joined()
    var request = Livekit_MuteRoomTrackRequest()
    request.room = "lobby"
    request.identity = World.entry.identity
    request.trackSid = world.session.trackSID
    request.muted = true
    try world.onServer { try $0.muteTrack(request, now: $1).actions }
    world.advance(.seconds(1))
    #expect(world.media.client.muted == [world.session.mediaTrack])
    world.stopServer()
    world.startServer()
    world.advance(.seconds(8))
    #expect(world.participant?.tracks.first?.muted == true)
    #expect(world.media.client.muted == [world.session.mediaTrack])
  }

  @Test("who may not publish falls silent, and speaks again when it may")
  func permissions() throws {
    let world = World.joined()
    func permit(_ canPublish: Bool) throws {
      var request = Livekit_UpdateParticipantRequest()
      request.room = "lobby"
      request.identity = World.entry.identity
      request.permission.canSubscribe = true
      request.permission.canPublish = canPublish
      request.permission.canPublishData = true
      try world.onServer { try $0.updateParticipant(request, now: $1).actions }
      world.advance(.seconds(1))
    }
    try permit(false)
    #expect(world.participant?.tracks == [] && world.media.client.subscriptions.isEmpty)
    try permit(true)
    #expect(world.participant?.tracks.count == 1 && world.media.client.subscriptions.count == 1)
  }

  struct End: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var event: RoomClientEvent
    var act: @Sendable (inout RoomServerCore, MonotonicTime) -> [RoomAction]
  }

  @Test(
    "a call that is taken out of the room learns so",
    arguments: [
      End(testDescription: "removed", event: .removed(.participantRemoved)) { server, now in
        (try? server.removeParticipant(World.entry.identity, of: "lobby", now: now)) ?? []
      },
      End(testDescription: "room deleted", event: .roomDeleted) { server, now in
        (try? server.deleteRoom("lobby", now: now)) ?? []
      },
      End(testDescription: "someone else has its identity", event: .removed(.duplicateIdentity)) { server, now in
        let twin = LocalParticipant(identity: World.entry.identity, name: "")
        return (try? server.joinLocal(twin, room: "lobby", now: now).actions) ?? []
      },
    ])
  func ends(_ end: End) throws {
    let world = World.joined()
    _ = world.takeEvents()
    world.onServer { end.act(&$0, $1) }
    world.advance(.seconds(20))
    #expect(world.takeEvents().filter { !$0.isPassing } == [end.event])
    #expect(world.session.isEnded && world.media.client.rooms.isEmpty && world.targets.count == 1)
  }

  @Test("the end of its media may come before the word of leave")
  func endsWithItsMedia() throws {
    let world = World.joined()
    world.latency = .milliseconds(200)
    _ = world.takeEvents()
    world.onServer { (try? $0.removeParticipant(World.entry.identity, of: "lobby", now: $1)) ?? [] }
    let transport = try #require(world.session.publisher?.end.transport)
    world.perform(.transportFailed(transport, reason: "closed"))
    world.advance(.seconds(20))
    #expect(world.takeEvents().filter { !$0.isPassing } == [.removed(.participantRemoved)])
    #expect(world.session.isEnded && world.media.client.rooms.isEmpty && world.targets.count == 1)
  }

  @Test("a room that the server moves it to is its room from then on")
  func moving() throws {
    let world = World.joined()
    _ = world.takeEvents()
    var moved = Livekit_RoomMovedResponse()
    moved.room.name = "other"
    moved.token = "token for other"
    moved.participant = world.session.info
    moved.participant.sid = "PA_moved"
    var agent = Livekit_ParticipantInfo()
    agent.sid = "PA_agent"
    agent.identity = "agent"
    agent.kind = .agent
    moved.otherParticipants = [agent]
    world.say(.roomMoved(moved))
    var presence = RoomPresence()
    (presence.participants, presence.agents) = (1, 1)
    #expect(world.takeEvents() == [.moved(room: "other", participantSID: "PA_moved"), .changed(presence)])
    #expect(world.session.entry.roomName == "other" && world.session.participantSID == "PA_moved")
    world.cutSignalling()
    world.advance(.milliseconds(300))
    #expect(world.targets.last?.token == "token for other")
    #expect(try #require(World.query(world.targets.last?.path ?? "")).joinRequest.participantSid == "PA_moved")
  }

  @Test("news that is older than what is known changes nothing, and there are bounds")
  func roster() {
    var limits = RoomClientLimits()
    limits.participants = 3
    limits.tracksPerParticipant = 2
    var roster = Roster(limits: limits)
    func info(_ sid: String, version: UInt32, tracks: Int) -> Livekit_ParticipantInfo {
      var info = Livekit_ParticipantInfo()
      info.sid = sid
      info.version = version
      info.tracks = (0..<tracks).map { number in
        var track = Livekit_TrackInfo()
        track.sid = "TR_\(number)"
        return track
      }
      return info
    }
    roster.note(info("PA_1", version: 5, tracks: 1))
    roster.note(info("PA_1", version: 4, tracks: 0))
    #expect(roster.tracks.count == 1)
    roster.note(info("PA_1", version: 5, tracks: 9))
    #expect(roster.tracks.count == 2)
    for number in 2..<9 { roster.note(info("PA_\(number)", version: 1, tracks: 0)) }
    #expect(roster.presence(audible: ["TR_0"]).participants == 3)
    #expect(roster.presence(audible: ["TR_0", "TR_gone"]).audibleTracks == 1)
    var gone = info("PA_1", version: 1, tracks: 0)
    gone.state = .disconnected
    roster.note(gone)
    #expect(roster.presence(audible: []).participants == 2)
  }
}

extension RoomClientEvent {
  /// Says nothing of the call's end.
  fileprivate var isPassing: Bool {
    switch self {
    case .changed, .mediaLost: true
    default: false
    }
  }
}
