import Base
import LiveKitProtocol
import RoomCore
import SDP
import Testing

@testable import RoomClientCore

@Suite("Joining a room elsewhere")
struct JoiningTests {
  @Test("a call is in the room, heard and hearing", arguments: [true, false])
  func joining(isSingle: Bool) throws {
    let world = World(isSingle: isSingle)
    try world.join("agent", kind: .agent)
    try world.join("sip_2", kind: .sip)
    world.perform(.start)
    world.advance(.seconds(1))
    let participant = try #require(world.participant)
    #expect(participant.kind == .sip && participant.state == .active && participant.metadata == "m")
    #expect(participant.attributes == World.entry.attributes)
    #expect(participant.tracks.map(\.source) == [.microphone] && participant.tracks[0].name == World.entry.identity)
    let events = world.takeEvents()
    #expect(events.first == .joined(participantSID: participant.sid))
    var presence = RoomPresence()
    (presence.participants, presence.phones, presence.agents, presence.audibleTracks) = (2, 1, 1, 2)
    #expect(events.last == .changed(presence))
    #expect(!events.contains { if case .mediaLost = $0 { true } else { false } })
    #expect(world.serverEvents.contains { if case .localHears = $0 { true } else { false } }, "its voice arrives")
    #expect(world.media.client.transports.count == (isSingle ? 1 : 2))
  }

  @Test("one round trip after the token the call is in the room, with its offer and its track")
  func roundTrips() throws {
    let world = World()
    world.perform(.start)
    world.advance(.milliseconds(90))
    #expect(world.targets.count == 1)
    let query = try #require(World.query(world.targets[0].path))
    #expect(world.targets[0].path.hasPrefix("/rtc/v1?join_request=") && world.targets[0].token == "token")
    #expect(query.isSinglePeerConnection && !query.joinRequest.connectionSettings.autoSubscribe)
    #expect(query.joinRequest.participantAttributes == World.entry.attributes)
    #expect(query.joinRequest.addTrackRequests.count == 1 && query.joinRequest.hasPublisherOffer)
    #expect(world.session.participantSID.hasPrefix("PA_") && world.session.trackSID.hasPrefix("TR_AM"))
    #expect(world.media.client.transports.count == 1)
  }

  @Test("a server and a token that a call brings along are what it joins with, and what the server makes of it later")
  func broughtAlong() {
    var entry = World.entry
    (entry.url, entry.token) = (World.url("wss://other.example.com/lk"), "brought")
    let world = World(entry)
    world.token = nil
    world.perform(.start)
    world.advance(.seconds(1))
    #expect(world.participant?.state == .active)
    world.say(.refreshToken("newer"))
    var leave = Livekit_LeaveRequest()
    leave.action = .reconnect
    world.say(.leave(leave))
    world.advance(.seconds(2))
    #expect(world.targets.map(\.token) == ["brought", "newer"] && world.session.state == .live)
    #expect(world.targets.allSatisfy { $0.url == entry.url && $0.path.hasPrefix("/lk/rtc/v1?join_request=") })
    #expect(World.query(world.targets[1].path)?.joinRequest.reconnect == false, "it joined anew")
  }

  @Test("a server without /rtc/v1 gets the classic query, and two connections")
  func fallingBack() throws {
    let world = World()
    world.isOldServer = true
    world.perform(.start)
    world.advance(.seconds(1))
    #expect(world.targets.map { String($0.path.prefix(8)) } == ["/rtc/v1?", "/rtc?ver"])
    #expect(!world.session.usesOnePeerConnection && world.media.client.transports.count == 2)
    #expect(world.participant?.state == .active)
  }

  @Test("the offer is that of a full agent: our voice, three tracks of others, data")
  func offer() throws {
    let world = World()
    world.perform(.start)
    world.advance(.milliseconds(50))
    let query = try #require(World.query(world.targets[0].path))
    let text = query.joinRequest.publisherOffer.sdp
    let offer = try WebRTCDescription(parsing: text)
    #expect(!offer.isICELite && offer.setup == .actpass && offer.bundle == ["0", "1", "2", "3", "4"])
    #expect(offer.sections.map(\.direction) == [.sendOnly, .recvOnly, .recvOnly, .recvOnly, .sendRecv])
    #expect(offer.sections.map(\.kind) == [.audio, .audio, .audio, .audio, .application])
    #expect(offer.sections[0].codecs.map(\.name) == ["opus"])
    #expect(offer.sections[0].msid?.track == query.joinRequest.addTrackRequests[0].cid)
    #expect(offer.sections[1].codecs.map(\.name) == ["opus", "PCMU"])
    #expect(offer.candidates.map(\.endpoint) == MediaNetwork.clientAddress.candidates)
    #expect(text.contains("a=ice-options:trickle") && !text.contains("end-of-candidates"))
  }

  @Test("tracks beyond the first sections get sections of their own", arguments: [true, false])
  func manyTracks(isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    for number in 0..<8 { try world.join("other\(number)") }
    world.advance(.seconds(1))
    #expect(world.lastPresence?.audibleTracks == 8)
    try world.onServer { try $0.removeParticipant("other3", of: "lobby", now: $1) }
    world.advance(.seconds(1))
    #expect(world.lastPresence?.audibleTracks == 7 && world.lastPresence?.participants == 7)
    try world.join("late")
    world.advance(.seconds(1))
    #expect(world.lastPresence?.audibleTracks == 8)
  }

  @Test("PCMU rooms: both directions say PCMU")
  func pcmu() throws {
    let world = World { $0.codec = .pcmu }
    world.server = nil
    var configuration = RoomServerConfiguration(
      mediaAddresses: [MediaNetwork.serverAddress], unixMillisecondsAtZero: 0)
    configuration.codec = .pcmu
    world.server = RoomServerCore(configuration: configuration, seed: 1)
    try world.join("sip_2", kind: .sip)
    world.perform(.start)
    world.advance(.seconds(1))
    #expect(world.participant?.tracks.first?.mimeType == "audio/PCMU")
    #expect(world.lastPresence?.audibleTracks == 1)
    #expect(world.media.client.published.values.map(\.stream.codec) == [.pcmu])
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    var status: Int
    var reason: String
    var fault: RoomClientFault
    var testDescription: String { "\(status) \(reason)" }
  }

  @Test(
    "what the server will not change its mind about ends the join at once",
    arguments: [
      Refusal(
        status: 401, reason: "no such key", fault: .refused("ws://rooms.example.com:7880 answered 401: no such key")),
      Refusal(status: 404, reason: "", fault: .refused("ws://rooms.example.com:7880 answered 404")),
      Refusal(status: 503, reason: "the room is full", fault: .roomFull),
    ])
  func refusals(_ refusal: Refusal) {
    let world = World()
    world.refusal = (refusal.status, refusal.reason)
    world.perform(.start)
    world.advance(.milliseconds(300))
    #expect(world.takeEvents() == [.joinFailed(refusal.fault)])
    #expect(world.session.isEnded && world.media.client.rooms.isEmpty)
    let count = world.targets.count
    world.advance(.seconds(20))
    #expect(world.targets.count == count)
  }

  @Test("what may pass is tried again for ten seconds: a server that is overloaded, down or silent")
  func retries() {
    for fault in ["overloaded", "down", "silent"] {
      let world = World()
      switch fault {
      case "overloaded": world.refusal = (503, "draining")
      case "down": world.server = nil
      default: world.losesSignalling = true
      }
      world.perform(.start)
      world.advance(.seconds(9))
      #expect(!world.session.isEnded)
      #expect(fault == "silent" ? world.targets.count == 2 : (4...8).contains(world.targets.count), "\(fault)")
      world.advance(.seconds(2))
      let events = world.takeEvents()
      guard case .joinFailed(.unreachable(let reason))? = events.first, events.count == 1 else {
        Issue.record("\(fault): \(events)")
        continue
      }
      #expect(reason.contains("rooms.example.com"), "\(reason)")
      #expect(!world.isConnected)
    }
  }

  @Test("a server that is back within that time lets the call in")
  func retrySucceeds() {
    let world = World()
    world.stopServer()
    world.perform(.start)
    world.advance(.seconds(3))
    world.startServer()
    world.advance(.seconds(5))
    #expect(world.participant?.state == .active)
    #expect(world.takeEvents().count == 1)
  }

  @Test("without a token nothing is tried")
  func noToken() {
    let world = World()
    world.token = nil
    world.perform(.start)
    world.advance(.seconds(1))
    #expect(world.takeEvents() == [.joinFailed(.refused("no token could be made"))])
    #expect(world.targets.isEmpty)
  }

  @Test("without a free port the join fails, and says so")
  func noPort() {
    let world = World()
    world.hasPorts = false
    world.perform(.start)
    world.advance(.seconds(11))
    #expect(world.takeEvents() == [.joinFailed(.unreachable("no UDP port is free for the media of the room"))])
    #expect(world.targets.isEmpty)
  }

  @Test("a call that leaves is gone at once, with its reason", arguments: [true, false])
  func leaving(isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    world.perform(.leave(.userRejected))
    world.advance(.milliseconds(100))
    #expect(world.participant == nil && world.session.isEnded && !world.isConnected)
    let left = world.serverEvents.compactMap { event -> Livekit_DisconnectReason? in
      if case .participantLeft(_, let info) = event { info.disconnectReason } else { nil }
    }
    #expect(left == [.userRejected])
    #expect(world.media.client.rooms.isEmpty && world.media.client.transports.isEmpty)
  }

  @Test("what was sent just before the call leaves arrives before it", arguments: [true, false])
  func leavesAfterItsWords(isSingle: Bool) throws {
    let world = World.joined(isSingle: isSingle)
    try world.join("agent")
    world.advance(.seconds(1))
    _ = world.takeEvents()
    var packet = Livekit_DataPacket()
    packet.sipDtmf.digit = "5"
    world.perform(.send(packet))
    world.perform(.leave(.clientInitiated))
    #expect(!world.session.isEnded && world.participant != nil)
    world.advance(.seconds(1))
    #expect(world.digits == ["5"] && world.participant == nil && world.session.isEnded)
    #expect(world.takeEvents() == [], "it is nobody's call any more")
  }

  @Test("a call that leaves before it is in is not there later", arguments: [true, false])
  func leavingEarly(isSingle: Bool) {
    for milliseconds in stride(from: 0, through: 50, by: 5) {
      let world = World(isSingle: isSingle)
      world.perform(.start)
      world.advance(.milliseconds(milliseconds))
      world.perform(.leave(.clientInitiated))
      world.advance(.milliseconds(200))
      #expect(world.session.isEnded)
      #expect(world.participant == nil && !world.isConnected && world.media.client.rooms.isEmpty)
      #expect(!world.takeEvents().contains { if case .joined = $0 { true } else { false } })
    }
  }

  @Test("attributes beyond what a request line takes come after the join")
  func largeAttributes() throws {
    let world = World()
    world.perform(.setAttributes(["sip.h.long": String(repeating: "x", count: 9_000)]))
    world.perform(.start)
    world.advance(.seconds(1))
    #expect(world.targets[0].path.utf8.count < 6_000)
    #expect(world.participant?.attributes["sip.h.long"]?.count == 9_000)
    #expect(world.participant?.attributes["sip.callID"] == "SCL_1")
  }
}
