import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Media engine under random use")
struct MediaEngineFuzzTests {
  @Test("any order of commands, packets and ticks leaves nothing behind", arguments: 0..<12)
  func anyOrder(seed: Int) throws {
    var random = RandomSource.seeded(UInt64(seed))
    let world = try World(limits: MediaLimits(subscriptionsPerTransport: 3))
    let codec = try #require(OpusCodec())
    let speech = codec.encode(Sound.tone(hz: 800, count: 160))
    let phones = (0..<4).map { TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), UInt16(4000 + $0))) }
    let legs = phones.map { world.openLeg($0) }
    var transports: [TransportID] = []
    var sequenceNumber: UInt16 = 0
    for step in 0..<600 {
      let room = RoomID(rawValue: .random(in: 1...3, using: &random))
      let track = TrackID(rawValue: .random(in: 1...6, using: &random))
      let leg = legs.randomElement(using: &random) ?? legs[0]
      let transport = transports.randomElement(using: &random) ?? TransportID(rawValue: 0)
      let phone = phones.randomElement(using: &random) ?? phones[0]
      switch Int.random(in: 0..<28, using: &random) {
      case 0: world.perform(.openRoom(room, RoomMediaOptions(codec: Bool.random(using: &random) ? .opus : .pcmu)))
      case 1 where step % 4 == 0: world.perform(.closeRoom(room))
      case 2, 3: world.perform(.attachPhoneLeg(leg, room, track))
      case 4: world.perform(.detachPhoneLeg(leg))
      case 5:
        var media = phone.media(packetTime: .milliseconds(.random(in: 0...70, using: &random)))
        media.sends = Bool.random(using: &random)
        media.receives = Bool.random(using: &random)
        media.mayBeBehindNAT = Bool.random(using: &random)
        world.perform(.negotiatePhoneLeg(leg, media))
      case 6: world.perform(.sendDigits(leg, "1w#zD"))
      case 7: world.perform(Bool.random(using: &random) ? .playTone(leg, .busy) : .stopTone(leg))
      case 26:
        if let sound = PhoneSound([Int16](repeating: 1_000, count: .random(in: 1...2_000, using: &random))) {
          world.perform(.playSound(leg, PhonePlayback(id: 1, sound: sound, repeats: Bool.random(using: &random))))
        }
      case 27: world.perform(.stopSound(leg))
      case 8 where transports.count < 6:
        let (id, peer) = try world.openPeer(room)
        transports.append(id)
        peer.start()
        world.carry()
      case 9, 10:
        world.perform(
          .publishTrack(transport, track, ReceiveTrack(ssrc: Bool.random(using: &random) ? 5 : nil, payloadType: 111)))
      case 11: world.perform(.unpublishTrack(transport, track))
      case 12, 13:
        world.perform(
          .subscribe(transport, track, SendTrack(ssrc: .random(in: 1...8, using: &random), payloadType: 111)))
      case 14: world.perform(.unsubscribe(transport, track))
      case 15: world.perform(.setTrackMuted(track, Bool.random(using: &random)))
      case 16: world.perform(.openDataChannel(transport, .lossy))
      case 17: world.perform(.sendData(transport, label: "_lossy", [1, 2, 3]))
      case 18: world.perform(.restartICE(transport, .random(using: &random), remote: nil))
      case 19 where step % 8 == 0: world.perform(.closeTransport(transport))
      case 20:
        let count = Int.random(in: 0...200, using: &random)
        world.send((0..<count).map { _ in .random(in: 0...255, using: &random) }, from: phone)
      case 21: world.send(phone.event(5, start: phone.timestamp, duration: 160, isEnd: false), from: phone)
      case 22: world.send(phone.packet(Sound.tone(hz: 500, count: 160)), from: phone)
      default:
        for peer in world.peers {
          sequenceNumber &+= 1
          peer.send(
            RTPHeader(payloadType: 111, sequenceNumber: sequenceNumber, timestamp: UInt32(step * 960), ssrc: 5),
            payload: speech)
        }
        world.run(.milliseconds(.random(in: 1...4, using: &random) * 10))
      }
    }
    world.closeAll()
    #expect(world.legCount == 0)
    for leg in legs { #expect(world.count { if case .phoneLegClosed(leg, _) = $0 { true } else { false } } == 1) }
    for id in transports { #expect(world.count { if case .transportClosed(id, _) = $0 { true } else { false } } == 1) }
  }
}
