import Base
import RTP
import Testing

/// One packet of a digit on its way.
struct EventPacket {
  var time: Double
  var marker = false
  var sequenceNumber: Int
  var timestamp: Int
  var code: UInt8
  var isEnd = false
  var duration: Int
  var ssrc: UInt32 = 7
}

/// The packets of one key as sipp's captures have them: the duration starts at `first` and the end comes three times.
func press(
  _ code: UInt8, at time: Double, sequence: Int, timestamp: Int, first: Int = 160, step: Int = 160, count: Int = 8
) -> [EventPacket] {
  let packets = (0..<count).map { index in
    EventPacket(
      time: time + Double(index) * 20, marker: index == 0, sequenceNumber: sequence + index, timestamp: timestamp,
      code: code, isEnd: index == count - 1, duration: first + index * step)
  }
  return packets + packets.suffix(1) + packets.suffix(1)
}

@Suite("Telephone events received")
struct TelephoneEventReceiverTests {
  private func digits(
    _ packets: [EventPacket], clockRateHz: Int = 8000, toldElsewhereUntil: MonotonicTime? = nil
  ) -> String {
    var receiver = TelephoneEventReceiver(clockRateHz: clockRateHz, toldElsewhereUntil: toldElsewhereUntil)
    var digits = ""
    for packet in packets {
      var header = header(packet.sequenceNumber, packet.timestamp, ssrc: packet.ssrc, payloadType: 101)
      header.marker = packet.marker
      let event = TelephoneEvent(
        code: packet.code, isEnd: packet.isEnd, volume: 10, durationTicks: UInt16(packet.duration))
      var payload = [UInt8](repeating: 0, count: 4)
      payload.write { _ = event.write(into: &$0, at: 0) }
      if let digit = receiver.receive(header, payload: payload.span.bytes, at: .milliseconds(packet.time)) {
        digits.append(digit.character)
      }
    }
    return digits
  }

  @Test("every key of sipp's captures is one digit: 320 ticks a step, duration from zero", arguments: 0..<16)
  func sippCapture(code: Int) {
    let packets = press(UInt8(code), at: 0, sequence: 8155, timestamp: 43200, first: 0, step: 320)
    #expect(packets.count == 10)
    #expect(digits(packets) == String(Array("0123456789*#ABCD")[code]))
  }

  @Test("whatever subset of a digit's packets comes, it is one digit")
  func everySubset() {
    let packets = press(5, at: 0, sequence: 1, timestamp: 1000)
    for subset in 1..<(1 << packets.count) {
      let kept = packets.indices.filter { subset >> $0 & 1 == 1 }.map { packets[$0] }
      if digits(kept) != "5" { Issue.record("subset \(subset)") }
    }
  }

  @Test("digits come once each under loss, repetition and reordering")
  func network() {
    for seed in 0..<200 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      let keys = "0123456789*#ABCD55".map { $0 }
      var packets: [EventPacket] = []
      for (index, key) in keys.enumerated() {
        let code = DTMFDigit(key)?.code ?? 0
        // 32-bit timestamps wrap on the way.
        packets += press(code, at: Double(index) * 300, sequence: index * 15, timestamp: 0xFFFF_C000 + index * 2400)
      }
      var arriving: [EventPacket] = []
      for packet in packets where !generator.chance(0.2) {
        for _ in 0..<(generator.chance(0.1) ? 2 : 1) {
          var packet = packet
          packet.marker = false
          packet.time += Double.random(in: 0...90, using: &generator)
          arriving.append(packet)
        }
      }
      arriving.sort { $0.time < $1.time }
      if digits(arriving) != String(keys) { Issue.record("seed \(seed): \(digits(arriving))") }
    }
  }

  @Test("a digit that was overtaken by the next one is not lost")
  func overtaken() {
    let first = press(1, at: 100, sequence: 1, timestamp: 1000)
    let second = press(2, at: 0, sequence: 20, timestamp: 5000).prefix(2)
    #expect(digits(second + first) == "21")
  }

  @Test("the same key twice is two digits, even when every end packet is lost")
  func twice() {
    let first = press(7, at: 0, sequence: 1, timestamp: 1000).filter { !$0.isEnd }
    let second = press(7, at: 250, sequence: 20, timestamp: 3000).filter { !$0.isEnd && !$0.marker }
    #expect(digits(first + second) == "77")
  }

  @Test("a key that is held while its call moves to another receiver is told once, the next one as ever")
  func movedWhileHeld() {
    let press = press(11, at: 0, sequence: 1, timestamp: 1000)
    let next = RTPTests.press(5, at: 170, sequence: 20, timestamp: 3000)
    for seen in 1..<press.count {
      #expect(digits(Array(press[seen...]) + next, toldElsewhereUntil: .milliseconds(200)) == "5", "\(seen)")
    }
    let unmarked = (press + next).map { packet in
      var packet = packet
      packet.marker = false
      return packet
    }
    #expect(digits(unmarked, toldElsewhereUntil: .milliseconds(200)) == "#5", "no marker anywhere")
    let late = RTPTests.press(5, at: 201, sequence: 20, timestamp: 3000).dropFirst()
    #expect(digits(Array(late), toldElsewhereUntil: .milliseconds(200)) == "5", "its first packet was lost")
  }

  @Test("a key as short as a person can press it twice is two digits")
  func quick() {
    let first = press(7, at: 0, sequence: 1, timestamp: 1000, count: 2)
    let second = press(7, at: 80, sequence: 5, timestamp: 1640, count: 2)
    #expect(digits(first + second) == "77")
  }

  @Test("a replayed capture with the same timestamps is another digit")
  func replay() {
    let first = press(5, at: 0, sequence: 8155, timestamp: 43200, first: 0, step: 320)
    let second = press(5, at: 1000, sequence: 8155, timestamp: 43200, first: 0, step: 320)
    #expect(digits(first + second) == "55")
  }

  @Test("a key held for 20 s is one digit over the segments of the duration field")
  func longPress() {
    var packets: [EventPacket] = []
    for index in 1...1000 {
      let ticks = index * 160
      let segment = (ticks - 1) / 65535
      packets.append(
        EventPacket(
          time: Double(index) * 20, marker: index == 1, sequenceNumber: index,
          timestamp: 1000 + segment * 65535, code: 3, isEnd: false, duration: ticks - segment * 65535))
    }
    #expect(digits(packets) == "3")
    // The last packet of the first segment and the first of the second change places.
    packets.swapAt(408, 409)
    #expect(digits(packets) == "3")
  }

  @Test("a sender that holds its duration at the limit still sends one digit")
  func clampedPress() {
    let packets = (1...1000).map { index in
      EventPacket(
        time: Double(index) * 20, sequenceNumber: index, timestamp: 1000, code: 3, duration: min(65535, index * 160))
    }
    #expect(digits(packets) == "3")
  }

  @Test("a sender that moves the timestamp with each packet sends one digit")
  func movingTimestamp() {
    let packets = (0..<12).map { index in
      EventPacket(
        time: Double(index) * 20, sequenceNumber: index, timestamp: 1000 + index * 160, code: 9, isEnd: index >= 9,
        duration: index * 160)
    }
    #expect(digits(packets) == "9")
    var swapped = packets
    swapped.insert(swapped.remove(at: 3), at: 5)
    for index in swapped.indices { swapped[index].time = Double(index) * 20 }
    #expect(digits(swapped) == "9")
    let again = packets.map { packet in
      var packet = packet
      packet.time += 400
      packet.timestamp += 3200
      return packet
    }
    #expect(digits(packets + again) == "99")
  }

  @Test("a new source starts anew")
  func source() {
    let first = press(5, at: 0, sequence: 1, timestamp: 1000)
    let second = press(5, at: 200, sequence: 1, timestamp: 1000).map { packet in
      var packet = packet
      packet.ssrc = 8
      return packet
    }
    #expect(digits(first + second) == "55")
  }

  @Test("what is no key and what is too short is no digit")
  func noDigit() {
    #expect(digits(press(16, at: 0, sequence: 1, timestamp: 1000)) == "")
    #expect(digits(press(255, at: 0, sequence: 1, timestamp: 1000)) == "")
    var receiver = TelephoneEventReceiver(clockRateHz: 8000)
    for count in 0..<4 {
      let payload = [UInt8](repeating: 1, count: count)
      let digit = receiver.receive(header(1, 1), payload: payload.span.bytes, at: .zero)
      #expect(digit == nil)
    }
  }

  @Test("a key sounds from its first packet to its end, or until its packets stay away")
  func sounding() {
    var receiver = TelephoneEventReceiver(clockRateHz: 8000)
    func payload(end: Bool) -> [UInt8] { [5, end ? 0x8A : 0x0A, 0, 160] }
    #expect(!receiver.isSounding(at: .zero))
    _ = receiver.receive(header(1, 1000), payload: payload(end: false).span.bytes, at: .zero)
    #expect(receiver.isSounding(at: .milliseconds(100)))
    #expect(!receiver.isSounding(at: .milliseconds(200)))
    _ = receiver.receive(header(2, 1000), payload: payload(end: true).span.bytes, at: .milliseconds(20))
    #expect(!receiver.isSounding(at: .milliseconds(20)))
    // A straggler does not make it sound again.
    _ = receiver.receive(header(1, 1000), payload: payload(end: false).span.bytes, at: .milliseconds(30))
    #expect(!receiver.isSounding(at: .milliseconds(31)))
  }
}

@Suite("Telephone events sent")
struct TelephoneEventSenderTests {
  /// One packet time each: the event, or nil where the audio goes out.
  private func run(_ digits: String, packetTicks: UInt32, count: Int, clockRateHz: Int = 8000)
    -> [TelephoneEventSender.Packet?]
  {
    var sender = TelephoneEventSender(clockRateHz: clockRateHz)
    sender.enqueue(digits)
    // The timestamp wraps during the first digit.
    return (0..<count).map { index in
      sender.next(timestamp: 0xFFFF_FF00 &+ UInt32(index) * packetTicks, packetTicks: packetTicks)
    }
  }

  @Test("one digit is 250 ms of growing durations and three end packets")
  func oneDigit() {
    let packets = run("#", packetTicks: 160, count: 40)
    let events = packets.prefix(15).compactMap { $0 }
    #expect(events.count == 15)
    #expect(events.map(\.event.durationTicks) == (1...12).map { UInt16($0 * 160) } + [2000, 2000, 2000])
    #expect(events.map(\.event.isEnd) == Array(repeating: false, count: 12) + [true, true, true])
    #expect(events.map(\.marker) == [true] + Array(repeating: false, count: 14))
    #expect(events.allSatisfy { $0.timestamp == 0xFFFF_FF00 && $0.event.code == 11 && $0.event.volume == 10 })
    #expect(packets.dropFirst(15).allSatisfy { $0 == nil })
  }

  @Test("for each packet time, digits start 500 ms apart and a pause adds 500 ms", arguments: [10, 20, 30, 40, 60])
  func pacing(milliseconds: Int) {
    let packets = run("1w2D", packetTicks: UInt32(milliseconds * 8), count: 2500 / milliseconds)
    let starts = packets.indices.filter { packets[$0]?.marker == true }.map { $0 * milliseconds }
    #expect(packets.compactMap { $0 }.filter(\.marker).map(\.event.code) == [1, 2, 15])
    // Each tone and each gap is rounded up to whole packets.
    #expect(starts[0] == 0)
    #expect((1000...(1000 + 3 * milliseconds)).contains(starts[1]))
    #expect((500...(500 + 2 * milliseconds)).contains(starts[2] - starts[1]))
    let ends = packets.compactMap { $0 }.filter(\.event.isEnd)
    #expect(ends.count == 9)
    #expect(ends.allSatisfy { $0.event.durationTicks == 2000 })
  }

  @Test("what is no digit is refused, and so is what finds no room")
  func refused() {
    var sender = TelephoneEventSender(clockRateHz: 8000)
    #expect(!sender.isBusy)
    let wrong = sender.enqueue("1x,é9")
    #expect(wrong == 3)
    #expect(sender.isBusy)
    let overflow = sender.enqueue(String(repeating: "5", count: 100))
    #expect(overflow == 100 - (TelephoneEventSender.maximumQueueCount - 2))
    var codes: [UInt8] = []
    var packetCount = 0
    while sender.isBusy, packetCount < 10_000 {
      if let packet = sender.next(timestamp: 0, packetTicks: 160), packet.marker { codes.append(packet.event.code) }
      packetCount += 1
    }
    #expect(codes == [1, 9] + Array(repeating: 5, count: TelephoneEventSender.maximumQueueCount - 2))
  }

  @Test("the receiver hears what the sender sends, at any packet time and with every third packet lost")
  func loop() {
    for milliseconds in [10, 20, 30, 60] {
      let packets = run("0123456789*#ABCD", packetTicks: UInt32(milliseconds * 8), count: 12_000 / milliseconds)
      var receiver = TelephoneEventReceiver(clockRateHz: 8000)
      var digits = ""
      for (index, packet) in packets.enumerated() where index % 3 != 0 {
        guard let packet else { continue }
        var payload = [UInt8](repeating: 0, count: 4)
        payload.write { _ = packet.event.write(into: &$0, at: 0) }
        let digit = receiver.receive(
          header(index, Int(packet.timestamp)), payload: payload.span.bytes,
          at: .milliseconds(Double(index * milliseconds)))
        if let digit { digits.append(digit.character) }
      }
      #expect(digits == "0123456789*#ABCD")
    }
  }

  @Test("packet times that make no sense end the tone all the same", arguments: [0, 1, .max] as [UInt32])
  func strangePacketTime(ticks: UInt32) {
    var sender = TelephoneEventSender(clockRateHz: 8000)
    sender.enqueue("1")
    var count = 0
    while sender.isBusy, count < 100_000 {
      _ = sender.next(timestamp: 0, packetTicks: ticks)
      count += 1
      if ticks == 0, count > 3000 { break }
    }
    #expect(count < 100_000)
  }

  @Test("all keys have a code and a character, in both cases")
  func digits() {
    for (code, character) in "0123456789*#ABCD".enumerated() {
      #expect(DTMFDigit(character)?.code == UInt8(code))
      #expect(DTMFDigit(code: UInt8(code))?.character == character)
      #expect(DTMFDigit(Character(character.lowercased()))?.code == UInt8(code))
    }
    #expect(DTMFDigit(code: 16) == nil)
    for character in "E e w +٣" { #expect(DTMFDigit(character) == nil) }
  }
}
