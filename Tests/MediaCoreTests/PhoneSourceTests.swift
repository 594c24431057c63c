import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Who may send to a phone leg")
struct PhoneSourceTests {
  private static let home = Endpoint(IPAddress(v4: 0xC000_0201), 4000)
  private static let stranger = Endpoint(IPAddress(v4: 0xCB00_7107), 4000)
  private static let silence = [Int16](repeating: 0, count: 160)

  private func setUp(_ change: (inout PhoneMedia) -> Void = { _ in }) throws -> (World, TestPhone, PhoneLegID, TestPeer)
  {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Self.home)
    let leg = world.openLeg(phone)
    var media = phone.media()
    change(&media)
    world.perform(.negotiatePhoneLeg(leg, media))
    let track = TrackID(rawValue: world.makeID())
    world.perform(.attachPhoneLeg(leg, room, track))
    let (transport, peer) = try world.connectPeer(room)
    world.perform(.subscribe(transport, track, SendTrack(ssrc: 77, payloadType: 111)))
    return (world, phone, leg, peer)
  }

  @Test("a stranger's packets change nothing")
  func strangers() throws {
    let (world, phone, leg, peer) = try setUp()
    let intruder = TestPhone(at: Self.stranger, ssrc: 666)
    world.run(.seconds(1)) { index in
      guard index % 2 == 0 else { return }
      world.send(phone.packet(Self.silence), from: phone)
      for _ in 0..<3 {
        world.send(intruder.packet(Sound.tone(hz: 500, amplitude: 0.9, count: 160)), from: phone, source: Self.stranger)
      }
    }
    #expect(peer.packets.count == 50)
    let codec = try #require(OpusCodec())
    #expect(Sound.decibels(peer.packets.flatMap { codec.decode($0.payload) }, hz: 500) < -60)
    let statistics = try #require(world.statistics(of: leg))
    #expect(statistics.packetsFromStrangers == 150)
    #expect(statistics.remote == Self.home)
  }

  @Test("even before the phone's first packet a stranger is not taken for it")
  func strangerFirst() throws {
    let (world, phone, _, peer) = try setUp()
    let intruder = TestPhone(at: Self.stranger, ssrc: 666)
    for _ in 0..<10 { world.send(intruder.packet(Self.silence), from: phone, source: Self.stranger) }
    #expect(peer.packets.isEmpty)
    world.send(phone.packet(Self.silence), from: phone)
    #expect(peer.packets.count == 1)
  }

  @Test("behind NAT the source is learned, locked, and answered")
  func learned() throws {
    let (world, phone, leg, peer) = try setUp {
      $0.remote = Endpoint(IPAddress(v4: 0x0A00_0001), 9)
      $0.mayBeBehindNAT = true
    }
    for _ in 0..<10 { world.send(phone.packet(Self.silence), from: phone) }
    #expect(peer.packets.count >= 5)
    let before = peer.packets.count
    let intruder = TestPhone(at: Self.stranger, ssrc: 666)
    for _ in 0..<10 { world.send(intruder.packet(Self.silence), from: phone, source: Self.stranger) }
    #expect(peer.packets.count == before)
    #expect(world.statistics(of: leg)?.remote == Self.home)
    #expect(!phone.packets.isEmpty)
  }

  @Test("a re-INVITE moves the source")
  func moved() throws {
    let (world, phone, _, peer) = try setUp()
    world.send(phone.packet(Self.silence), from: phone)
    let moved = TestPhone(at: Self.stranger, ssrc: 5)
    guard case .some(let leg) = world.legs.first else { throw World.NotMade() }
    world.perform(.negotiatePhoneLeg(leg, moved.media()))
    world.send(moved.packet(Self.silence), from: phone, source: Self.stranger)
    #expect(peer.packets.count == 2)
    world.send(phone.packet(Self.silence), from: phone)
    #expect(peer.packets.count == 2)
  }

  @Test("packets before negotiation and before a room are counted, not heard")
  func early() throws {
    let world = try World()
    let phone = TestPhone(at: Self.home)
    let leg = world.openLeg(phone)
    world.send(phone.packet(Self.silence), from: phone)
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    for _ in 0..<3 { world.send(phone.packet(Self.silence), from: phone) }
    let statistics = try #require(world.statistics(of: leg))
    #expect(statistics.packetsRefused == 1)
    #expect(statistics.packetsBeforeAttach == 3)
    #expect(statistics.packetsReceived == 3)
  }

  @Test(
    "what is no packet of the call is refused",
    arguments: [
      ("too short", [0x80, 0, 1], 11), ("empty", [], 0), ("another payload type", [0x80, 96], 172),
      ("no payload", [0x80, 0], 12), ("another version", [0x40, 0], 172), ("a report", [0x80, 200], 172),
    ] as [(String, [UInt8], Int)])
  func refused(name: String, start: [UInt8], count: Int) throws {
    let (world, phone, leg, peer) = try setUp()
    world.send(start + [UInt8](repeating: 0, count: max(0, count - start.count)), from: phone)
    #expect(peer.packets.isEmpty)
    #expect(world.statistics(of: leg)?.packetsRefused == 1)
  }

  @Test("against the negotiated direction nothing is taken")
  func direction() throws {
    let (world, phone, leg, peer) = try setUp { $0.receives = false }
    for _ in 0..<5 { world.send(phone.packet(Self.silence), from: phone) }
    #expect(peer.packets.isEmpty)
    #expect(world.statistics(of: leg)?.packetsRefused == 5)
  }
}
