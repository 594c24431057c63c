import Audio
import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Room to phone")
struct PeerToPhoneTests {
  private static let endpoint = Endpoint(IPAddress(v4: 0xC000_0201), 4000)
  private static func level(_ hz: Double) -> Double { Sound.decibels(Sound.tone(hz: hz, count: 8000), hz: hz) }

  /// A peer that speaks Opus in 20 ms packets.
  private final class Speaker {
    let peer: TestPeer
    let codec: OpusCodec
    let ssrc: UInt32
    let hz: Double
    private var count = 0
    var extensionBlock: [UInt8] = []

    init(_ peer: TestPeer, ssrc: UInt32 = 5000, hz: Double = 1000) throws {
      guard let codec = OpusCodec() else { throw World.NotMade() }
      self.peer = peer
      self.codec = codec
      self.ssrc = ssrc
      self.hz = hz
    }

    func speak(isLost: Bool = false) {
      let header = RTPHeader(
        payloadType: 111, sequenceNumber: UInt16(truncatingIfNeeded: 65_500 + count),
        timestamp: UInt32(truncatingIfNeeded: count * 960), ssrc: ssrc)
      let packet = codec.encode(Sound.tone(hz: hz, count: 160, from: count * 160))
      count += 1
      if !isLost { peer.send(header, payload: packet, extensionBlock: extensionBlock) }
    }
  }

  private func publish(_ world: World, _ transport: TransportID, ssrc: UInt32? = 5000) -> TrackID {
    let track = TrackID(rawValue: world.makeID())
    world.perform(
      .publishTrack(
        transport, track, ReceiveTrack(ssrc: ssrc, mid: "2", payloadType: 111, levelExtensionID: 1, midExtensionID: 4)))
    return track
  }

  @Test(
    "a peer's tone reaches the phone at its level, evenly paced", arguments: [10, 20, 30, 40, 50, 60],
    [
      G711.pcmu, .pcma,
    ])
  func tone(milliseconds: Int, law: G711) throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Self.endpoint, law: law)
    _ = world.call(phone, into: room, packetTime: .milliseconds(milliseconds))
    let (transport, peer) = try world.connectPeer(room)
    _ = publish(world, transport)
    let speaker = try Speaker(peer)
    world.run(.seconds(3)) { index in if index % 2 == 0 { speaker.speak() } }
    let heard = phone.heard
    #expect(abs(Sound.decibels(heard.dropFirst(8000).prefix(8000), hz: 1000) - Self.level(1000)) < 1)
    #expect(phone.packets.count >= 3000 / milliseconds - 2)
    for (former, packet) in zip(phone.packets, phone.packets.dropFirst()) {
      #expect(packet.at - former.at == .milliseconds(milliseconds))
      #expect(packet.header.sequenceNumber == former.header.sequenceNumber &+ 1)
      #expect(packet.header.timestamp == former.header.timestamp &+ UInt32(milliseconds * 8))
      #expect(packet.payload.count == milliseconds * 8)
      #expect(packet.header.ssrc == former.header.ssrc && packet.header.payloadType == phone.payloadType)
    }
    #expect(phone.packets[0].header.marker && !phone.packets[1].header.marker)
  }

  @Test("a phone hears peers of Opus and of PCMU, whatever callers publish", arguments: [RoomCodec.opus, .pcmu])
  func bothCodecs(room codec: RoomCodec) throws {
    let world = try World()
    let room = world.openRoom(RoomMediaOptions(codec: codec))
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: room)
    let (first, peer) = try world.connectPeer(room)
    _ = publish(world, first)
    let speaker = try Speaker(peer)
    let (second, other) = try world.connectPeer(room)
    let track = TrackID(rawValue: world.makeID())
    world.perform(.publishTrack(second, track, ReceiveTrack(ssrc: 6000, payloadType: 0, codec: .pcmu)))
    world.run(.seconds(3)) { index in
      guard index % 2 == 0 else { return }
      speaker.speak()
      let count = index / 2
      let header = RTPHeader(
        payloadType: 0, sequenceNumber: UInt16(count), timestamp: UInt32(count * 160), ssrc: 6000)
      other.send(header, payload: Sound.encode(Sound.tone(hz: 1700, count: 160, from: count * 160)))
    }
    let heard = phone.heard.dropFirst(8000).prefix(8000)
    for hz in [1000.0, 1700] { #expect(abs(Sound.decibels(heard, hz: hz) - Self.level(hz)) < 1) }
  }

  @Test("the first sound of a peer is heard within 40 ms when packets come evenly")
  func delay() throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: room)
    let (transport, peer) = try world.connectPeer(room)
    _ = publish(world, transport)
    let speaker = try Speaker(peer)
    world.run(.seconds(1))
    phone.forgetPackets()
    let start = world.now
    world.run(.seconds(1)) { index in if index % 2 == 0 { speaker.speak() } }
    let first = try #require(phone.packets.first { Sound.decode($0.payload).contains { abs($0) > 2000 } })
    #expect(first.at - start <= .milliseconds(40))
  }

  @Test("without anybody in the room the phone hears even silence")
  func silence() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: world.openRoom())
    world.run(.seconds(1))
    #expect(phone.packets.count == 50)
    #expect(phone.packets.allSatisfy { $0.payload == [UInt8](repeating: 0xFF, count: 160) })
  }

  @Test("a leg without a room sends silence once it is negotiated, nothing before")
  func lobby() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    let leg = world.openLeg(phone)
    world.run(.milliseconds(200))
    #expect(phone.packets.isEmpty)
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    world.run(.milliseconds(200))
    #expect(phone.packets.count == 10)
  }

  @Test("a tone covers the room until it is stopped")
  func ringback() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    let (leg, _) = world.call(phone, into: world.openRoom())
    world.perform(.playTone(leg, .ringback))
    world.run(.seconds(2))
    #expect(Sound.decibels(phone.heard.prefix(8000), hz: 425) > -8)
    #expect(phone.heard.dropFirst(8000).allSatisfy { abs($0) < 10 })
    world.perform(.stopTone(leg))
    phone.forgetPackets()
    world.run(.seconds(5))
    #expect(phone.heard.allSatisfy { abs($0) < 10 })
  }

  private static func playback(_ duration: Duration, id: UInt64 = 7, repeats: Bool = false) throws -> PhonePlayback {
    let samples = Sound.tone(hz: 500, count: Int(duration.wholeMilliseconds) * 8)
    return PhonePlayback(id: id, sound: try #require(PhoneSound(samples)), repeats: repeats)
  }

  private static func ends(_ world: World) -> [UInt64] {
    world.events.compactMap { if case .soundPlayed(_, let playback) = $0 { playback } else { nil } }
  }

  @Test("a sound is played once over room and tone, whatever the packet time", arguments: [10, 20, 30, 60])
  func sound(packetTimeMilliseconds: Int) throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    let (leg, _) = world.call(phone, into: world.openRoom(), packetTime: .milliseconds(packetTimeMilliseconds))
    world.perform(.playTone(leg, .ringback))
    world.perform(.playSound(leg, try Self.playback(.milliseconds(600))))
    world.run(.milliseconds(500))
    #expect(Self.ends(world) == [])
    world.run(.milliseconds(1000))
    #expect(Self.ends(world) == [7])
    let heard = phone.heard
    let start = try #require(heard.firstIndex { abs($0) > 100 })
    let sound = heard[start..<start + 4790]
    #expect(abs(Sound.decibels(sound, hz: 500) - -12) < 0.5)
    #expect(Sound.decibels(sound, hz: 425) < -40)
    // The tone went on underneath: it is on for a second, then off.
    #expect(Sound.decibels(heard[(start + 5300)..<(start + 6900)], hz: 425) > -8)
  }

  @Test("a repeated sound goes on until it is stopped, and a stopped or replaced one reports no end")
  func repeatedSound() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    let (leg, _) = world.call(phone, into: world.openRoom())
    world.perform(.playSound(leg, try Self.playback(.seconds(60), id: 1)))
    world.perform(.playSound(leg, try Self.playback(.milliseconds(50), id: 2, repeats: true)))
    world.run(.seconds(2))
    #expect(abs(Sound.decibels(phone.heard, hz: 500) - -12) < 0.5)
    world.perform(.stopSound(leg))
    phone.forgetPackets()
    world.run(.seconds(1))
    #expect(phone.heard.allSatisfy { abs($0) < 10 })
    #expect(Self.ends(world) == [])
  }

  @Test("a sound waits for the negotiation and ends on a phone that is on hold")
  func soundInTheLobby() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    let leg = world.openLeg(phone)
    world.perform(.playSound(leg, try Self.playback(.milliseconds(200))))
    world.run(.seconds(1))
    #expect(Self.ends(world) == [])
    var media = phone.media()
    world.perform(.negotiatePhoneLeg(leg, media))
    world.run(.milliseconds(100))
    #expect(Sound.decibels(phone.heard.suffix(400), hz: 500) > -13)
    media.sends = false
    world.perform(.negotiatePhoneLeg(leg, media))
    world.run(.milliseconds(200))
    #expect(Self.ends(world) == [7])
  }

  @Test("a sound has at least one sample and lasts five minutes at most")
  func soundLimits() {
    #expect(PhoneSound([]) == nil)
    #expect(PhoneSound([Int16](repeating: 0, count: PhoneSound.maximumSampleCount))?.duration == .seconds(300))
    #expect(PhoneSound([Int16](repeating: 0, count: PhoneSound.maximumSampleCount + 1)) == nil)
  }

  @Test("a direction that forbids sending sends nothing, and time goes on")
  func hold() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    let (leg, _) = world.call(phone, into: world.openRoom())
    world.run(.milliseconds(200))
    var media = phone.media()
    media.sends = false
    world.perform(.negotiatePhoneLeg(leg, media))
    world.run(.seconds(1))
    #expect(phone.packets.count == 10)
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    world.run(.milliseconds(200))
    #expect(phone.packets.count == 20)
    let (last, next) = (phone.packets[9].header, phone.packets[10].header)
    #expect(next.sequenceNumber == last.sequenceNumber &+ 1)
    #expect(next.timestamp == last.timestamp &+ 51 * 160)
    #expect(next.marker)
  }

  @Test("5 % loss is concealed: the phone misses no time and the tone stays")
  func loss() throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: room)
    let (transport, peer) = try world.connectPeer(room)
    let track = publish(world, transport)
    let speaker = try Speaker(peer)
    world.run(.seconds(5)) { index in if index % 2 == 0 { speaker.speak(isLost: index % 40 == 20) } }
    #expect(phone.packets.count == 250)
    #expect(abs(Sound.decibels(phone.heard.dropFirst(16_000), hz: 1000) - Self.level(1000)) < 1.5)
    let statistics = world.events.compactMap { event -> ReceivedTrackStatistics? in
      if case .receivedTrackStatistics(track, let statistics) = event { statistics } else { nil }
    }
    #expect((4...5).contains(statistics.count))
    #expect(statistics.last?.packetsLost ?? 0 >= 10)
    #expect(statistics.last?.framesConcealed ?? 0 >= 10)
    #expect(abs((statistics.last?.recentLoss ?? 0) - 0.05) < 0.03)
  }

  @Test("two phones and two peers: everybody hears everybody else and not himself")
  func conference() throws {
    let world = try World()
    let room = world.openRoom()
    let phones = [TestPhone(at: Self.endpoint), TestPhone(at: Endpoint(Self.endpoint.address, 4002), law: .pcma)]
    let calls = phones.map { world.call($0, into: room) }
    let peers = try (0..<2).map { _ in try world.connectPeer(room) }
    let tracks = peers.map { publish(world, $0.id) }
    let speakers = try [Speaker(peers[0].peer, hz: 600), Speaker(peers[1].peer, hz: 900)]
    for (index, peer) in peers.enumerated() {
      for (number, track) in (calls.map(\.track) + [tracks[1 - index]]).enumerated() {
        world.perform(.subscribe(peer.id, track, SendTrack(ssrc: UInt32(number), payloadType: 111)))
      }
    }
    let phoneHz = [1300.0, 1700.0]
    world.run(.seconds(3)) { index in
      guard index % 2 == 0 else { return }
      for (phone, hz) in zip(phones, phoneHz) {
        world.send(phone.packet(Sound.tone(hz: hz, count: 160, from: index * 80)), from: phone)
      }
      for speaker in speakers { speaker.speak() }
    }
    for (index, phone) in phones.enumerated() {
      let heard = phone.heard.dropFirst(8000)
      for hz in [600, 900, phoneHz[1 - index]] { #expect(abs(Sound.decibels(heard, hz: hz) - Self.level(hz)) < 1) }
      #expect(Sound.decibels(heard, hz: phoneHz[index]) < -50)
    }
    for peer in peers {
      for number in 0..<3 {
        let codec = try #require(OpusCodec())
        let packets = peer.peer.packets.filter { $0.header.ssrc == UInt32(number) }
        #expect(packets.count == 150)
        let heard = packets.flatMap { codec.decode($0.payload) }.dropFirst(4000)
        let hz = number < 2 ? phoneHz[number] : peer.id == peers[0].id ? 900 : 600
        #expect(abs(Sound.decibels(heard, hz: hz) - Self.level(hz)) < 1)
      }
    }
  }

  @Test("a muted peer is not heard by the phone")
  func mute() throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: room)
    let (transport, peer) = try world.connectPeer(room)
    let track = publish(world, transport)
    let speaker = try Speaker(peer)
    world.run(.seconds(1)) { index in if index % 2 == 0 { speaker.speak() } }
    world.perform(.setTrackMuted(track, true))
    phone.forgetPackets()
    world.run(.seconds(1)) { index in if index % 2 == 0 { speaker.speak() } }
    #expect(phone.heard.allSatisfy { abs($0) < 10 })
    world.perform(.setTrackMuted(track, false))
    world.run(.seconds(1)) { index in if index % 2 == 0 { speaker.speak() } }
    #expect(abs(Sound.decibels(phone.heard.suffix(4000), hz: 1000) - Self.level(1000)) < 1)
  }

  @Test(
    "a track is found by its mid, or by its payload type, when its SSRC was not announced", arguments: [true, false])
  func adoption(hasMid: Bool) throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: room)
    let (transport, peer) = try world.connectPeer(room)
    let track = publish(world, transport, ssrc: hasMid ? 1 : nil)
    let speaker = try Speaker(peer)
    if hasMid { speaker.extensionBlock = [0xBE, 0xDE, 0, 1, 0x40, UInt8(ascii: "2"), 0, 0] }
    world.run(.seconds(1)) { index in if index % 2 == 0 { speaker.speak() } }
    #expect(world.count { if case .trackActive(track) = $0 { true } else { false } } == 1)
    #expect(abs(Sound.decibels(phone.heard.suffix(4000), hz: 1000) - Self.level(1000)) < 1)
  }

  @Test("an unannounced stream without a mid is nobody's when every track has its SSRC")
  func unknownStream() throws {
    let world = try World()
    let room = world.openRoom()
    let (transport, peer) = try world.connectPeer(room)
    let track = publish(world, transport, ssrc: 1)
    let speaker = try Speaker(peer)
    world.run(.milliseconds(200)) { index in if index % 2 == 0 { speaker.speak() } }
    #expect(world.count { if case .trackActive(track) = $0 { true } else { false } } == 0)
  }

  @Test("ticks that were skipped leave a gap in time, not in sequence")
  func skippedTicks() throws {
    let world = try World()
    let phone = TestPhone(at: Self.endpoint)
    _ = world.call(phone, into: world.openRoom())
    world.run(.milliseconds(200))
    world.skipTicks(30)
    world.run(.milliseconds(200))
    let (last, next) = (phone.packets[9].header, phone.packets[10].header)
    #expect(next.sequenceNumber == last.sequenceNumber &+ 1)
    #expect(next.timestamp == last.timestamp &+ 31 * 80 &+ 80)
  }
}
