import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Media engine")
struct MediaEngineTests {
  private static func phone(_ port: UInt16) -> TestPhone { TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), port)) }

  @Test("closing a leg reports it once and gives its port back")
  func closeLeg() throws {
    let world = try World()
    let (leg, _) = world.call(Self.phone(4000), into: world.openRoom())
    #expect(world.nextClosedPort() == nil)
    for _ in 0..<2 { world.perform(.closePhoneLeg(leg)) }
    #expect(world.count { if case .phoneLegClosed(leg, _) = $0 { true } else { false } } == 1)
    #expect(world.nextClosedPort() == MediaPort(index: 0))
    #expect(world.nextClosedPort() == nil)
  }

  @Test("a closed leg's port hears nothing and sends nothing")
  func afterClose() throws {
    let world = try World()
    let phone = Self.phone(4000)
    let (leg, _) = world.call(phone, into: world.openRoom())
    world.perform(.closePhoneLeg(leg))
    world.send(phone.packet([1, 2, 3]), from: phone)
    world.run(.milliseconds(100))
    #expect(phone.packets.isEmpty)
  }

  @Test("closing a room closes its transports and leaves its legs without a room")
  func closeRoom() throws {
    let world = try World()
    let room = world.openRoom()
    let phone = Self.phone(4000)
    let (leg, _) = world.call(phone, into: room)
    let (transport, _) = try world.connectPeer(room)
    world.perform(.closeRoom(room))
    #expect(world.count { if case .transportClosed(transport, _) = $0 { true } else { false } } == 1)
    #expect(world.count { if case .phoneLegClosed = $0 { true } else { false } } == 0)
    world.run(.milliseconds(100))
    #expect(phone.packets.count == 5)
    let next = world.openRoom()
    world.perform(.attachPhoneLeg(leg, next, TrackID(rawValue: 999)))
    world.run(.milliseconds(100))
    #expect(phone.packets.count == 10)
  }

  @Test("closing everything reports everything and leaves nothing")
  func closeAll() throws {
    let world = try World()
    for index in 0..<3 {
      let room = world.openRoom()
      let (_, track) = world.call(Self.phone(UInt16(4000 + index)), into: room)
      let (transport, _) = try world.connectPeer(room)
      world.perform(.subscribe(transport, track, SendTrack(ssrc: 1, payloadType: 111)))
      world.perform(.publishTrack(transport, TrackID(rawValue: UInt64(index)), ReceiveTrack(ssrc: 1, payloadType: 111)))
    }
    world.closeAll()
    #expect(world.count { if case .phoneLegClosed = $0 { true } else { false } } == 3)
    #expect(world.count { if case .transportClosed = $0 { true } else { false } } == 3)
    #expect(world.legCount == 0)
    world.run(.seconds(1))
  }

  @Test("what exceeds the limits is refused and reported closed")
  func limits() throws {
    let world = try World(limits: MediaLimits(rooms: 1, phoneLegs: 1, transports: 1))
    let room = world.openRoom()
    let second = world.openRoom()
    let first = world.openLeg(Self.phone(4000))
    let refused = world.openLeg(Self.phone(4002))
    #expect(world.count { if case .phoneLegClosed(refused, _) = $0 { true } else { false } } == 1)
    #expect(world.count { if case .phoneLegClosed(first, _) = $0 { true } else { false } } == 0)
    #expect(world.nextClosedPort() == MediaPort(index: 1))
    _ = try world.openPeer(room)
    let (late, _) = try world.openPeer(room)
    let (elsewhere, _) = try world.openPeer(second)
    for id in [late, elsewhere] {
      #expect(world.count { if case .transportFailed(id, .refused) = $0 { true } else { false } } == 1)
    }
  }

  @Test("commands that name nothing do nothing")
  func unknownIDs() throws {
    let world = try World()
    let (leg, transport) = (PhoneLegID(rawValue: 9), TransportID(rawValue: 9))
    let (room, track) = (RoomID(rawValue: 9), TrackID(rawValue: 9))
    let commands: [MediaCommand] = [
      .closeRoom(room), .negotiatePhoneLeg(leg, Self.phone(1).media()), .attachPhoneLeg(leg, room, track),
      .detachPhoneLeg(leg), .playTone(leg, .busy), .stopTone(leg), .stopSound(leg), .sendDigits(leg, "1"),
      .closePhoneLeg(leg),
      .publishTrack(transport, track, ReceiveTrack(ssrc: 1, payloadType: 1)), .unpublishTrack(transport, track),
      .setTrackMuted(track, true), .subscribe(transport, track, SendTrack(ssrc: 1, payloadType: 1)),
      .unsubscribe(transport, track), .openDataChannel(transport, .reliable),
      .sendData(transport, label: "a", [1]), .restartICE(transport, .random(), remote: nil),
      .closeTransport(transport), .addRemoteCandidates(transport, []), .setComfortNoise(leg, true),
    ]
    for command in commands { world.perform(command) }
    world.run(.milliseconds(100))
    #expect(world.events.isEmpty)
  }

  @Test("a thousand short calls end as they began")
  func manyCalls() throws {
    let world = try World()
    for _ in 0..<1000 {
      let room = world.openRoom()
      let (leg, _) = world.call(Self.phone(4000), into: room)
      world.perform(.closePhoneLeg(leg))
      world.perform(.closeRoom(room))
      world.forgetPhones()
      while world.nextClosedPort() != nil {}
    }
    #expect(world.legCount == 0)
    #expect(world.count { if case .phoneLegClosed = $0 { true } else { false } } == 1000)
  }
}
