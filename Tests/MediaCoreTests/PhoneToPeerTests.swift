import Audio
import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Phone to WebRTC peer")
struct PhoneToPeerTests {
  @Test("a tone of the phone reaches the peer at its level", arguments: [10, 20, 30, 40, 60], [G711.pcmu, .pcma])
  func tone(milliseconds: Int, law: G711) throws {
    let world = try World()
    let room = world.openRoom()
    let phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), 4000), law: law)
    let (_, track) = world.call(phone, into: room)
    let (transport, peer) = try world.connectPeer(room)
    world.perform(.subscribe(transport, track, SendTrack(ssrc: 77, payloadType: 111)))
    let codec = try #require(OpusCodec())
    var sent = 0
    world.run(.seconds(3)) { index in
      guard index * 10 % milliseconds == 0 else { return }
      world.send(phone.packet(Sound.tone(hz: 1000, count: milliseconds * 8, from: sent)), from: phone)
      sent += milliseconds * 8
    }
    let heard = peer.packets.flatMap { codec.decode($0.payload) }
    #expect(heard.count >= sent - 480)
    #expect(
      abs(
        Sound.decibels(heard.dropFirst(4000).prefix(8000), hz: 1000)
          - Sound.decibels(Sound.tone(hz: 1000, count: 8000), hz: 1000)) < 1)
    for (index, packet) in peer.packets.enumerated() {
      #expect(packet.header.ssrc == 77 && packet.header.payloadType == 111)
      #expect(packet.header.sequenceNumber == peer.packets[0].header.sequenceNumber &+ UInt16(index))
      #expect(packet.header.timestamp == peer.packets[0].header.timestamp &+ UInt32(index * 960))
      #expect(packet.header.marker == (index == 0))
    }
  }
}
