import Audio
import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Keypad digits")
struct DigitTests {
  private struct Call {
    let world: World
    let phone: TestPhone
    let leg: PhoneLegID
    let peer: TestPeer

    init(packetTime: Duration = .milliseconds(20), hasEvents: Bool = true, law: G711 = .pcmu) throws {
      world = try World()
      let room = world.openRoom()
      phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), 4000), law: law)
      let made = world.call(phone, into: room, packetTime: packetTime, hasEvents: hasEvents)
      leg = made.leg
      let (transport, peer) = try world.connectPeer(room)
      world.perform(.subscribe(transport, made.track, SendTrack(ssrc: 77, payloadType: 111)))
      self.peer = peer
    }

    var digits: String {
      String(world.events.compactMap { if case .digit(leg, let digit) = $0 { digit } else { nil } })
    }

    /// 20 ms of speech for each packet.
    func talk(_ packets: Int) {
      world.run(.milliseconds(packets * 20)) { index in
        if index % 2 == 0 { world.send(phone.packet(Sound.tone(hz: 1000, count: 160, from: index * 80)), from: phone) }
      }
    }

    /// A press of `packets` × 20 ms: the phone sends events instead of speech. `keeps` says which packets arrive; the
    /// last two are repetitions of the end.
    func press(_ code: UInt8, packets: Int = 10, keeps: (Int) -> Bool = { _ in true }) {
      let start = phone.timestamp
      world.run(.milliseconds((packets + 2) * 20)) { index in
        guard index % 2 == 0 else { return }
        let number = index / 2
        let duration = UInt16(min(number + 1, packets) * 160)
        let event = phone.event(
          code, start: start, duration: duration, isEnd: number >= packets - 1, marker: number == 0)
        if keeps(number) { world.send(event, from: phone) }
      }
      phone.timestamp &+= UInt32((packets + 2) * 160)
    }
  }

  @Test("digits faster than any keypad are dropped and counted, and slower ones come through again")
  func digitFlood() throws {
    let call = try Call()
    call.talk(25)
    // Another key with each packet: 100 a second.
    call.world.run(.seconds(5)) { index in
      let code = UInt8(index % 16)
      call.world.send(
        call.phone.event(code, start: call.phone.timestamp, duration: 80, isEnd: true, marker: true), from: call.phone)
      call.phone.timestamp &+= 80
    }
    let received = call.digits.count
    #expect((110...122).contains(received))
    call.talk(100)
    for code: UInt8 in [1, 2, 3] {
      call.press(code, packets: 3)
      call.talk(3)
    }
    #expect(call.digits.count == received + 3 && call.digits.hasSuffix("123"))
    let statistics = try #require(call.world.statistics(of: call.leg))
    #expect(statistics.digitsReceived == received + 3 && statistics.digitsDropped == 500 - received)
  }

  @Test(
    "each press is one digit, whatever is lost",
    arguments: [
      "all arrive", "the first is lost", "all ends are lost", "every second is lost", "one arrives",
    ])
  func presses(loss: String) throws {
    let call = try Call()
    call.talk(10)
    for code: UInt8 in [1, 1, 11, 15] {
      call.press(code) { number in
        switch loss {
        case "the first is lost": number > 0
        case "all ends are lost": number < 9
        case "every second is lost": number % 2 == 1
        case "one arrives": number == 4
        default: true
        }
      }
      call.talk(25)
    }
    #expect(call.digits == "11#D")
    #expect(call.world.statistics(of: call.leg)?.digitsReceived == 4)
  }

  @Test("a digit is silence for the room, as long as it takes")
  func silence() throws {
    let call = try Call()
    call.talk(50)
    let before = call.peer.packets.count
    call.press(5, packets: 20)
    let during = call.peer.packets.count
    #expect((19...22).contains(during - before))
    call.talk(50)
    let codec = try #require(OpusCodec())
    let heard = call.peer.packets.map { codec.decode($0.payload) }
    #expect(Sound.decibels(heard[(before + 2)..<during].flatMap { $0 }, hz: 1000) < -50)
    let (first, last) = (call.peer.packets[before].header, call.peer.packets[call.peer.packets.count - 1].header)
    // 22 packets of event and 50 of speech: the time of the call.
    #expect(last.timestamp &- first.timestamp == (22 + 49) * 960)
    #expect(Int(last.sequenceNumber &- first.sequenceNumber) == call.peer.packets.count - 1 - before)
  }

  @Test("the tone beside the event does not reach the room")
  func audioBeside() throws {
    let call = try Call()
    call.talk(10)
    let before = call.peer.packets.count
    let start = call.phone.timestamp
    call.world.run(.milliseconds(400)) { index in
      guard index % 2 == 0 else { return }
      call.world.send(
        call.phone.event(5, start: start, duration: UInt16(index / 2 + 1) * 160, isEnd: false), from: call.phone)
      call.world.send(call.phone.packet(Sound.tone(hz: 770, amplitude: 0.5, count: 160)), from: call.phone)
    }
    let codec = try #require(OpusCodec())
    let heard = call.peer.packets.map { codec.decode($0.payload) }[(before + 1)...].flatMap { $0 }
    #expect(heard.count >= 18 * 160)
    #expect(Sound.decibels(heard, hz: 770) < -50)
    #expect(call.digits == "5")
  }

  @Test("digits before the leg has a room are reported")
  func beforeAttach() throws {
    let world = try World()
    let phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), 4000))
    let leg = world.openLeg(phone)
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    world.send(phone.event(7, start: 1, duration: 160, isEnd: false), from: phone)
    #expect(world.count { if case .digit(leg, "7") = $0 { true } else { false } } == 1)
  }

  @Test("digits for the phone become paced events, speech pauses", arguments: [10, 20, 30, 60])
  func sending(milliseconds: Int) throws {
    let call = try Call(packetTime: .milliseconds(milliseconds))
    call.world.run(.milliseconds(200))
    call.phone.forgetPackets()
    call.world.perform(.sendDigits(call.leg, "1w#x"))
    call.world.run(.seconds(3))
    let events = call.phone.packets.filter { $0.header.payloadType == TestPhone.eventPayloadType }
    let starts = events.filter(\.header.marker)
    #expect(starts.map(\.payload[0]) == [1, 11])
    #expect(starts[1].at - starts[0].at >= .milliseconds(1000))
    for start in starts {
      let press = events.filter { $0.header.timestamp == start.header.timestamp }
      let ends = press.filter { $0.payload[1] & 0x80 != 0 }
      #expect(ends.count == 3)
      #expect(ends.allSatisfy { $0.payload[2...] == [0x07, 0xD0] })
      #expect(press.allSatisfy { $0.payload[1] & 0x3F == 10 })
    }
    // One packet each packet time, event or speech, numbered without a gap.
    for (former, packet) in zip(call.phone.packets, call.phone.packets.dropFirst()) {
      #expect(packet.header.sequenceNumber == former.header.sequenceNumber &+ 1)
      #expect(packet.at - former.at == .milliseconds(milliseconds))
    }
    let leg = call.leg
    #expect(call.world.count { if case .digitsSent(leg) = $0 { true } else { false } } == 1)
    #expect(call.world.statistics(of: call.leg)?.digitsSent == 2)
  }

  @Test("speech after a digit has the timestamp of its own time")
  func timestamps() throws {
    let call = try Call()
    call.world.run(.milliseconds(100))
    call.phone.forgetPackets()
    call.world.perform(.sendDigits(call.leg, "9"))
    call.world.run(.seconds(1))
    let first = try #require(call.phone.packets.first)
    for packet in call.phone.packets where packet.header.payloadType == 0 {
      let steps = UInt32((packet.at - first.at).wholeMilliseconds) * 8
      #expect(packet.header.timestamp == first.header.timestamp &+ steps)
    }
  }

  @Test("a phone without telephone events hears the tones")
  func inBand() throws {
    let call = try Call(hasEvents: false)
    call.world.run(.milliseconds(100))
    call.phone.forgetPackets()
    call.world.perform(.sendDigits(call.leg, "5"))
    call.world.run(.milliseconds(600))
    #expect(call.phone.packets.allSatisfy { $0.header.payloadType == 0 })
    let heard = call.phone.heard
    let tone = heard.dropFirst(160).prefix(1600)
    #expect(Sound.decibels(tone, hz: 770) > -20 && Sound.decibels(tone, hz: 1336) > -20)
    #expect(Sound.decibels(heard.dropFirst(2400), hz: 770) < -50)
  }
}
