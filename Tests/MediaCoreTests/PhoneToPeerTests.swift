import Audio
import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Phone to WebRTC peer")
struct PhoneToPeerTests {
  /// One phone and one subscribed peer in a room.
  private struct Call {
    let world: World
    let room: RoomID
    let phone: TestPhone
    let leg: PhoneLegID
    let track: TrackID
    let transport: TransportID
    let peer: TestPeer

    init(_ options: RoomMediaOptions = RoomMediaOptions(), law: G711 = .pcmu) throws {
      world = try World()
      room = world.openRoom(options)
      phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), 4000), law: law)
      (leg, track) = world.call(phone, into: room)
      (transport, peer) = try world.connectPeer(room)
      let codec: TrackCodec = options.codec == .opus ? .opus : .pcmu
      world.perform(.subscribe(transport, track, SendTrack(ssrc: 77, payloadType: 111, codec: codec)))
    }

    /// Sends 20 ms packets of a 1 kHz tone; `change` may drop (nil), replace or add to what is sent.
    func talk(_ packets: Int, _ change: (Int, [UInt8]) -> [[UInt8]] = { [$1] }) {
      world.run(.milliseconds(packets * 20)) { index in
        guard index % 2 == 0 else { return }
        let packet = phone.packet(Sound.tone(hz: 1000, count: 160, from: index * 80))
        for datagram in change(index / 2, packet) { world.send(datagram, from: phone) }
      }
    }

    func heard() throws -> [Int16] {
      guard let codec = OpusCodec() else { throw World.NotMade() }
      return peer.packets.flatMap { codec.decode($0.payload) }
    }

    /// Every packet follows the one before in number, and in time by its own length.
    func expectUnbroken(_ location: SourceLocation = #_sourceLocation) {
      for (former, packet) in zip(peer.packets, peer.packets.dropFirst()) {
        #expect(
          packet.header.sequenceNumber == former.header.sequenceNumber &+ 1
            && packet.header.timestamp == former.header.timestamp &+ 960, sourceLocation: location)
      }
    }
  }

  private static let toneLevel = Sound.decibels(Sound.tone(hz: 1000, count: 8000), hz: 1000)

  @Test("a tone of the phone reaches the peer at its level", arguments: [10, 20, 30, 40, 60], [G711.pcmu, .pcma])
  func tone(milliseconds: Int, law: G711) throws {
    let call = try Call(law: law)
    var sent = 0
    call.world.run(.seconds(3)) { index in
      guard index * 10 % milliseconds == 0 else { return }
      let samples = Sound.tone(hz: 1000, count: milliseconds * 8, from: sent)
      call.world.send(call.phone.packet(samples), from: call.phone)
      sent += milliseconds * 8
    }
    let heard = try call.heard()
    #expect(heard.count >= sent - 480)
    #expect(abs(Sound.decibels(heard.dropFirst(4000).prefix(8000), hz: 1000) - Self.toneLevel) < 1)
    call.expectUnbroken()
    for (index, packet) in call.peer.packets.enumerated() {
      #expect(packet.header.ssrc == 77 && packet.header.payloadType == 111)
      #expect(packet.header.marker == (index == 0))
    }
  }

  @Test("a packet in turn is passed on at once")
  func noDelay() throws {
    let call = try Call()
    call.talk(10)
    let before = call.peer.packets.count
    call.world.send(call.phone.packet(Sound.tone(hz: 1000, count: 160)), from: call.phone)
    #expect(call.peer.packets.count == before + 1)
  }

  @Test("lost packets are concealed: the room loses no time", arguments: [1, 3])
  func loss(burst: Int) throws {
    let call = try Call()
    call.talk(150) { index, packet in index % 25 > 5 && index % 25 <= 5 + burst ? [] : [packet] }
    #expect(call.peer.packets.count == 150)
    call.expectUnbroken()
    let heard = try call.heard()
    #expect(abs(Sound.decibels(heard.dropFirst(4000).prefix(16_000), hz: 1000) - Self.toneLevel) < 2)
    let statistics = try #require(call.world.statistics(of: call.leg))
    #expect(statistics.packetsLost == Int64(6 * burst))
    #expect(statistics.framesConcealed == UInt64(6 * burst))
  }

  @Test("swapped and doubled packets come out in order, once")
  func reordering() throws {
    let call = try Call()
    var held: [UInt8]?
    call.talk(100) { index, packet in
      if index % 10 == 4 {
        held = packet
        return []
      }
      defer { held = nil }
      return [packet, packet] + (held.map { [$0] } ?? [])
    }
    #expect(call.peer.packets.count == 100)
    call.expectUnbroken()
    let statistics = try #require(call.world.statistics(of: call.leg))
    #expect(statistics.framesConcealed == 0)
    #expect(statistics.packetsLateOrDuplicate >= 80)
  }

  @Test("a new SSRC and a jump of the clock in mid-call do not break the stream")
  func restart() throws {
    let call = try Call()
    call.talk(50)
    call.phone.ssrc = 99
    call.phone.sequenceNumber = 7
    call.phone.timestamp = 12
    call.talk(50)
    call.phone.timestamp &+= 1_000_000
    call.talk(50)
    #expect(call.peer.packets.count == 150)
    call.expectUnbroken()
  }

  @Test("silence suppression passes time without packets")
  func silenceSuppression() throws {
    let call = try Call()
    call.talk(50)
    call.world.run(.milliseconds(600))
    call.phone.timestamp &+= 4800
    call.talk(50)
    #expect(call.peer.packets.count == 100)
    let (last, next) = (call.peer.packets[49].header, call.peer.packets[50].header)
    #expect(next.sequenceNumber == last.sequenceNumber &+ 1)
    #expect(next.timestamp == last.timestamp &+ 960 &+ 4800 * 6)
    #expect(next.marker)
  }

  @Test("a µ-law phone is passed on byte by byte in a room of PCMU")
  func passthrough() throws {
    let call = try Call(RoomMediaOptions(codec: .pcmu))
    var sent: [[UInt8]] = []
    call.talk(50) { _, packet in
      sent.append(Array(packet[12...]))
      return [packet]
    }
    #expect(call.peer.packets.map(\.payload) == sent)
    for (index, packet) in call.peer.packets.enumerated() {
      #expect(packet.header.timestamp == call.peer.packets[0].header.timestamp &+ UInt32(index * 160))
    }
  }

  @Test("an A-law phone is heard in a room of PCMU")
  func transcoding() throws {
    let call = try Call(RoomMediaOptions(codec: .pcmu), law: .pcma)
    call.talk(50)
    let heard = call.peer.packets.flatMap { Sound.decode($0.payload, .pcmu) }
    #expect(heard.count == 8000)
    #expect(abs(Sound.decibels(heard, hz: 1000) - Self.toneLevel) < 0.5)
  }

  @Test("the first packet of a phone is reported, and that its track is active and flows")
  func events() throws {
    let call = try Call()
    call.world.forgetEvents()
    call.talk(2)
    let (leg, track, transport) = (call.leg, call.track, call.transport)
    #expect(call.world.count { if case .phoneMediaStarted(leg) = $0 { true } else { false } } == 1)
    #expect(call.world.count { if case .trackActive(track) = $0 { true } else { false } } == 1)
    #expect(call.world.count { if case .trackFlowing(track, transport) = $0 { true } else { false } } == 1)
  }

  @Test("a muted phone reaches nobody, and goes on in sequence afterwards")
  func mute() throws {
    let call = try Call()
    call.talk(20)
    call.world.perform(.setTrackMuted(call.track, true))
    call.talk(30)
    #expect(call.peer.packets.count == 20)
    call.world.perform(.setTrackMuted(call.track, false))
    call.talk(20)
    #expect(call.peer.packets.count == 40)
    let (last, next) = (call.peer.packets[19].header, call.peer.packets[20].header)
    #expect(next.sequenceNumber == last.sequenceNumber &+ 1)
    #expect(next.timestamp &- last.timestamp == 31 * 960)
  }

  @Test("a leg that leaves its room is heard no more and publishes again elsewhere")
  func detach() throws {
    let call = try Call()
    call.talk(10)
    call.world.perform(.detachPhoneLeg(call.leg))
    call.talk(10)
    #expect(call.peer.packets.count == 10)
    let room = call.world.openRoom()
    let track = TrackID(rawValue: call.world.makeID())
    let (transport, peer) = try call.world.connectPeer(room)
    call.world.perform(.attachPhoneLeg(call.leg, room, track))
    call.world.perform(.subscribe(transport, track, SendTrack(ssrc: 78, payloadType: 111)))
    call.talk(10)
    #expect(peer.packets.count == 10)
  }

  @Test(
    "a leg that takes another's place is heard by whoever heard that one, unless they want no more",
    arguments: [true, false])
  func takeOver(isStillWanted: Bool) throws {
    let call = try Call()
    call.talk(10)
    call.world.perform(.detachPhoneLeg(call.leg))
    if !isStillWanted { call.world.perform(.unsubscribe(call.transport, call.track)) }
    let heir = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0203), 4000))
    let leg = call.world.openLeg(heir)
    call.world.perform(.negotiatePhoneLeg(leg, heir.media()))
    call.world.perform(.attachPhoneLeg(leg, call.room, call.track))
    for index in 0..<10 {
      call.world.send(heir.packet(Sound.tone(hz: 1000, count: 160, from: index * 160)), from: heir)
      call.world.run(.milliseconds(20))
    }
    guard isStillWanted else { return #expect(call.peer.packets.count == 10) }
    #expect(call.peer.packets.count == 20)
    for (former, packet) in zip(call.peer.packets, call.peer.packets.dropFirst()) {
      #expect(packet.header.sequenceNumber == former.header.sequenceNumber &+ 1 && packet.header.ssrc == 77)
    }
  }
}
