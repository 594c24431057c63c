import Base
import RTP
import Testing

@Suite("Jitter buffer")
struct JitterBufferTests {
  @Test(
    "a smooth stream plays whole and with at most a tick and the margin of delay, at every phase",
    arguments: [10, 20, 40, 60, 120] as [Double])
  func smooth(packetMilliseconds: Double) {
    for phase in stride(from: 0.5, to: 20, by: 1) {
      var simulation = PlayoutSimulation()
      let packets = stream(100, packetMilliseconds: packetMilliseconds)
      simulation.run(packets, phase: phase, end: packets.last?.arrival)
      #expect(simulation.concealed.isEmpty)
      #expect(simulation.problems.isEmpty)
      // Two packets of 10 ms make one tick: the first of them waits for the second.
      #expect((simulation.delays().max() ?? 99) <= (packetMilliseconds == 10 ? 35.1 : 25.1))
      #expect(simulation.played.count >= 96)
      #expect(simulation.shortenings().isEmpty)
    }
  }

  @Test("PCMU on its 8 kHz clock plays the same way", arguments: [10, 20, 30, 60] as [Double])
  func pcmu(packetMilliseconds: Double) {
    var simulation = PlayoutSimulation(rate: 8000)
    let packets = stream(200, packetMilliseconds: packetMilliseconds, rate: 8000)
    simulation.run(packets, end: packets.last?.arrival)
    #expect(simulation.concealed.isEmpty)
    // Packets of 10 and 30 ms do not fill ticks evenly: half a packet may wait for the next tick.
    #expect((simulation.delays().max() ?? 99) <= 45)
    #expect(simulation.problems.isEmpty)
  }

  @Test("lost packets are concealed for exactly their time", arguments: [0.02, 0.1, 0.3])
  func loss(rate: Double) {
    for seed in 0..<10 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      let packets = stream(1000)
      let arriving = packets.filter { $0.number == 0 || $0.number == 999 || !generator.chance(rate) }
      var simulation = PlayoutSimulation()
      simulation.run(arriving, end: 999 * 20 + 10)
      #expect(simulation.played.count == arriving.count)
      #expect(simulation.concealedMilliseconds() == Double(1000 - arriving.count) * 20)
      #expect(simulation.buffer.counters.lost == UInt64(1000 - arriving.count))
      #expect((simulation.delays().max() ?? 99) <= 25.1)
      #expect(simulation.shortenings().isEmpty)
    }
  }

  @Test("a lost packet before one that is here already names its successor, which may hold a copy")
  func successor() {
    var simulation = PlayoutSimulation()
    var packets = stream(200)
    // Enough delay that the packet behind the lost one is there in time.
    for index in 0..<200 where index % 10 == 0 { packets[index].arrival += 60 }
    simulation.run(packets.filter { $0.number % 10 != 5 || $0.number < 50 })
    #expect(simulation.successorCount == 15)
    #expect(simulation.problems.isEmpty)
  }

  @Test(
    "jitter is learned: the delay follows it and nearly nothing is concealed", arguments: [10, 30, 60, 120] as [Double])
  func jitter(span: Double) {
    for seed in 0..<10 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      var packets = stream(3000)
      for index in packets.indices { packets[index].arrival += Double.random(in: 0...span, using: &generator) }
      var simulation = PlayoutSimulation()
      simulation.run(packets, end: 3000 * 20)
      // Of the last 50 s.
      #expect(simulation.concealedMilliseconds(after: 10_000) <= 200)
      let totals = simulation.played.filter { $0.time > 10_000 }.map { $0.time - $0.packet.sent }
      #expect((totals.max() ?? 999) <= span + 50)
      #expect(simulation.shortenings().isEmpty)
      #expect(simulation.buffer.counters.discarded == 0)
    }
  }

  @Test(
    "a sender in bursts is not cut: after the first burst all plays without a hole", arguments: [100, 300, 500, 800])
  func bursts(milliseconds: Int) {
    for phase in stride(from: 0.5, to: 20, by: 3) {
      var packets = stream(3000)
      let perBurst = milliseconds / 20
      for index in packets.indices {
        // A burst leaves when its last packet is complete.
        packets[index].arrival = packets[(index / perBurst) * perBurst].sent + Double(milliseconds)
      }
      var simulation = PlayoutSimulation()
      simulation.run(packets, phase: phase, end: 3000 * 20)
      #expect(simulation.buffer.counters.discarded == 0)
      #expect(simulation.buffer.counters.overflowed == 0)
      #expect(simulation.concealedMilliseconds(after: 2000) == 0)
      #expect(simulation.shortenings().isEmpty)
      let totals = simulation.played.map { $0.time - $0.packet.sent }
      #expect((totals.max() ?? 9999) <= Double(milliseconds) + 50)
    }
  }

  @Test("irregular bursts of synthesised speech play whole")
  func irregularBursts() {
    for seed in 0..<20 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      var packets = stream(2000)
      var index = 0
      while index < packets.count {
        let count = Int.random(in: 1...18, using: &generator)
        let end = min(index + count, packets.count)
        for burst in index..<end { packets[burst].arrival = packets[end - 1].sent }
        index = end
      }
      var simulation = PlayoutSimulation()
      simulation.run(packets)
      #expect(simulation.played.count == 2000)
      #expect(simulation.buffer.counters.discarded == 0)
      #expect(simulation.concealedMilliseconds(after: 5000) <= 400 + 1000)
      #expect(simulation.shortenings().isEmpty)
    }
  }

  @Test("a pause between two utterances in bursts forgets nothing")
  func burstsWithPauses() {
    var packets = stream(1000)
    for index in packets.indices {
      packets[index].sent += Double(index / 250) * 30_000
      packets[index].timestamp += index / 250 * 30 * 48_000
    }
    for index in packets.indices { packets[index].arrival = packets[min(index / 10 * 10 + 9, 999)].sent }
    var simulation = PlayoutSimulation()
    simulation.run(packets)
    #expect(simulation.played.count == 1000)
    for (earlier, later) in zip(simulation.played, simulation.played.dropFirst())
    where earlier.packet.number >= 250 && later.packet.number % 250 != 0 && later.time - earlier.time > 20.1 {
      Issue.record("a hole before \(later.packet.number)")
    }
  }

  @Test("packets that come later than ever, but behind others, are soon waited for")
  func latenessGrows() {
    for seed in 0..<10 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      var packets = stream(1500)
      for index in packets.indices where generator.chance(0.1) { packets[index].arrival += index < 500 ? 50 : 130 }
      var simulation = PlayoutSimulation()
      simulation.run(packets, end: 1500 * 20)
      #expect(simulation.insertions[.late, default: 0] <= 12)
      #expect(simulation.concealedMilliseconds(after: 20_000) <= 20)
    }
  }

  @Test("one straggler does not stretch the delay by all that it is late")
  func straggler() {
    var packets = stream(1500)
    for index in packets.indices where index % 10 == 3 { packets[index].arrival += 50 }
    packets[700].arrival += 600
    var simulation = PlayoutSimulation()
    // Losses are where time may be stretched.
    simulation.run(packets.filter { $0.number % 20 != 17 }, end: 1500 * 20)
    let totals = simulation.played.filter { $0.time > 14_000 }.map { $0.time - $0.packet.sent }
    #expect((totals.max() ?? 999) <= 140)
    #expect(simulation.insertions[.late, default: 0] <= 3)
  }

  @Test("after one stall the delay goes down again in silence, and no loud packet is left out")
  func stall() {
    var packets = stream(3000)
    for index in 500..<520 { packets[index].arrival = packets[520].sent }
    // A second of speech, half a second of silence.
    for index in packets.indices { packets[index].isSilent = index % 75 >= 50 }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 3000 * 20)
    let loud = simulation.played.filter { !$0.packet.isSilent }.count
    #expect(loud >= packets.filter { !$0.isSilent }.count - 2)
    #expect((simulation.delays(after: 12_000).max() ?? 0) >= 380)
    #expect((simulation.delays(after: 20_000).max() ?? 999) <= 50)
  }

  @Test("without any silence the delay of a stall goes down slowly")
  func loudStall() {
    var packets = stream(6000)
    for index in 500..<520 { packets[index].arrival = packets[520].sent }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 6000 * 20)
    #expect((simulation.delays(after: 100_000).max() ?? 999) <= 140)
    #expect(simulation.buffer.counters.discarded <= 20)
    let cuts = zip(simulation.played, simulation.played.dropFirst()).compactMap { earlier, later in
      later.packet.number - earlier.packet.number > 1 ? later.time : nil
    }
    #expect(cuts.count >= 10)
    #expect(zip(cuts, cuts.dropFirst()).allSatisfy { $1 - $0 >= 1999 })
  }

  @Test("a drifting clock neither starves nor fills the buffer", arguments: [-300, -50, 50, 300] as [Double])
  func drift(partsPerMillion: Double) {
    var generator = RandomSource.seeded(5)
    // Ten minutes.
    var packets = stream(30_000, clock: 1 + partsPerMillion / 1e6)
    for index in packets.indices {
      packets[index].arrival += Double.random(in: 0...5, using: &generator)
      packets[index].isSilent = index % 75 >= 50
    }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: packets.last?.sent)
    #expect((simulation.delays().max() ?? 999) <= 70)
    let drifted = abs(partsPerMillion) / 1e6 * 600_000
    #expect(simulation.concealedMilliseconds() <= (partsPerMillion > 0 ? drifted * 2 + 100 : 200))
    #expect(Double(simulation.buffer.counters.discarded) * 20 <= drifted + 400)
    #expect(simulation.problems.isEmpty)
  }

  @Test("discontinuous transmission: the packets of a pause are played, and speech starts without a hole")
  func discontinuous() {
    var packets: [SimulatedPacket] = []
    for packet in stream(3000) {
      // 2 s of speech, then 4 s with one packet in 400 ms.
      let place = packet.number % 300
      guard place < 100 || place % 20 == 0 else { continue }
      var packet = packet
      packet.sequence = 65_400 + packets.count
      packet.isSilent = place >= 100
      packets.append(packet)
    }
    for index in packets.indices { packets[index].number = index }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 3000 * 20)
    #expect(simulation.buffer.counters.lost == 0)
    #expect((simulation.delays().max() ?? 999) <= 25.1)
    #expect(simulation.played.count >= packets.count - 1)
    // Concealment only in the pauses.
    for piece in simulation.concealed {
      let place = Int(piece.time / 20) % 300
      if place < 99 { Issue.record("concealed at \(piece.time)") }
    }
  }

  @Test("a sender whose timestamps stand still in a pause plays on at once")
  func pausedTimestamps() {
    var packets = stream(500)
    for index in packets.indices {
      let pause = Double(index / 100) * 5000
      packets[index].sent += pause
      packets[index].arrival += pause
    }
    var simulation = PlayoutSimulation()
    simulation.run(packets)
    #expect(simulation.played.count == 500)
    #expect((simulation.delays().max() ?? 999) <= 45)
    #expect(simulation.buffer.counters.discarded == 0)
  }

  @Test(
    "a jump of the timestamp or a change of source is bridged",
    arguments: [(0, 8), (1_000_000, 7), (-1_000_000, 7), (0x7000_0000, 8), (-48_000, 7)] as [(Int, UInt32)])
  func jump(offset: Int, ssrc: UInt32) {
    var packets = stream(400)
    for index in 200..<400 {
      packets[index].timestamp += offset
      packets[index].ssrc = ssrc
      if ssrc != 7 { packets[index].sequence += 20_000 }
    }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 400 * 20)
    #expect(simulation.played.count >= 398)
    #expect((simulation.delays().max() ?? 999) <= 45)
    #expect(simulation.concealedMilliseconds() <= 20)
    #expect(simulation.shortenings().isEmpty)
  }

  @Test("duplicates and reordering change nothing once the delay is learned")
  func duplicates() {
    for seed in 0..<10 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      var packets = stream(1000)
      for index in packets.indices where generator.chance(0.1) { packets[index].arrival += 50 }
      let copies = packets.filter { _ in generator.chance(0.3) }.map { packet in
        var copy = packet
        copy.arrival += Double.random(in: 0...100, using: &generator)
        return copy
      }
      var simulation = PlayoutSimulation()
      simulation.run(packets + copies, end: 1000 * 20 + 200)
      #expect(simulation.insertions[.duplicate] == copies.count, "\(simulation.insertions)")
      #expect(simulation.insertions[.late, default: 0] <= 5)
      #expect(!simulation.concealed.contains { (2000..<19_900).contains($0.time) })
      #expect(simulation.problems.isEmpty)
    }
  }

  @Test("an outage of three seconds leaves a bounded delay, which silence takes away")
  func outage() {
    var packets = stream(2000)
    for index in 500..<650 { packets[index].arrival = packets[650].sent }
    for index in packets.indices { packets[index].isSilent = index % 75 >= 50 }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 2000 * 20)
    #expect(simulation.maximumBuffered <= .milliseconds(1300))
    #expect((simulation.played.filter { $0.time > 13_000 }.map { $0.time - $0.packet.sent }.max() ?? 0) <= 1300)
    #expect((simulation.delays(after: 26_000).max() ?? 999) <= 60)
    // Sound goes on as soon as it is there.
    #expect(simulation.played.filter { (650..<800).contains($0.packet.number) && !$0.packet.isSilent }.count >= 90)
    #expect(simulation.played.contains { (13_010..<13_050).contains($0.time) })
  }

  @Test("an outage in which everything is lost adds no delay")
  func lostOutage() {
    let packets = stream(1000).filter { !(500..<600).contains($0.number) }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 1000 * 20)
    #expect((simulation.delays().max() ?? 999) <= 45)
    #expect(simulation.silentTickCount > 50)
    #expect(simulation.played.count >= 898)
  }

  @Test("ten seconds of speech sent within one second are bounded, and the end of it plays")
  func dump() {
    var packets = stream(500)
    for index in packets.indices { packets[index].arrival = Double(index) * 2 }
    var simulation = PlayoutSimulation()
    simulation.run(packets, end: 5000)
    #expect(simulation.maximumBuffered <= .milliseconds(1300))
    #expect(simulation.played.last?.packet.number == 499)
    #expect(simulation.played.count >= 50)
  }

  @Test("packets larger than the buffer's memory push out the oldest and never stop the stream")
  func memory() {
    var buffer = JitterBuffer(JitterBuffer.Configuration(clockRateHz: 48_000))
    let payload = [UInt8](repeating: 1, count: 1400)
    for number in 0..<100 {
      let insertion = buffer.insert(
        header(number, number * 960), payload: payload.span.bytes, durationTicks: 960, at: .zero)
      #expect(insertion == .accepted)
    }
    #expect(buffer.bufferedDuration >= .milliseconds(300))
    #expect(buffer.counters.overflowed > 50)
    let huge = [UInt8](repeating: 1, count: 60_000)
    let refused = buffer.insert(header(100, 96_000), payload: huge.span.bytes, durationTicks: 960, at: .zero)
    #expect(refused == .ignored)
  }

  @Test("packets of changing lengths play without a hole")
  func mixedLengths() {
    for seed in 0..<20 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      var packets: [SimulatedPacket] = []
      var time = 0.0
      var timestamp = 0
      for number in 0..<500 {
        let milliseconds = [10, 20, 40, 60].randomElement(using: &generator) ?? 20
        time += Double(milliseconds)
        packets.append(
          SimulatedPacket(
            number: number, sent: time, arrival: time, sequence: number, timestamp: timestamp,
            duration: milliseconds * 48))
        timestamp += milliseconds * 48
      }
      var simulation = PlayoutSimulation()
      simulation.run(packets, end: time)
      #expect(simulation.concealedMilliseconds(after: 2000) <= 60)
      #expect(simulation.shortenings().isEmpty)
      #expect(simulation.problems.isEmpty)
      #expect((simulation.delays().max() ?? 999) <= 110)
    }
  }

  @Test("loss, jitter, reordering, repetition, drift and pauses at once: time is never shortened, delay is bounded")
  func everything() {
    for seed in 0..<60 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      let length = [10, 20, 40, 60, 120].randomElement(using: &generator) ?? 20
      let span = Double.random(in: 0...150, using: &generator)
      let loss = Double.random(in: 0...0.15, using: &generator)
      let drift = 1 + Double.random(in: -3e-4...3e-4, using: &generator)
      var packets: [SimulatedPacket] = []
      for var packet in stream(20_000 / length, packetMilliseconds: Double(length), clock: drift) {
        packet.arrival += Double.random(in: 0...span, using: &generator)
        // Speech of 3 s, silence of 1 s.
        packet.isSilent = packet.number * length % 4000 >= 3000
        if packet.number > 0, generator.chance(loss) { continue }
        packets.append(packet)
        if generator.chance(0.05) { packets.append(packet) }
      }
      var simulation = PlayoutSimulation()
      simulation.run(packets, phase: Double.random(in: 0...20, using: &generator), end: 20_000)
      let counters = simulation.buffer.counters
      if counters.discarded == 0, !simulation.shortenings().isEmpty {
        Issue.record("seed \(seed): \(simulation.shortenings())")
      }
      let totals = simulation.played.map { $0.time - $0.packet.sent }
      #expect((totals.max() ?? 9999) <= span + 130, "seed \(seed)")
      #expect(simulation.problems.isEmpty, "seed \(seed)")
      #expect(counters.overflowed == 0, "seed \(seed)")
      #expect(counters.late <= UInt64(packets.count / 20), "seed \(seed)")
      #expect(simulation.played.count + Int(counters.discarded + counters.late) >= packets.count * 9 / 10)
    }
  }

  @Test("headers at random never hold more than the buffer may, and the stream plays on afterwards")
  func random() {
    for seed in 0..<20 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      var packets: [SimulatedPacket] = []
      for number in 0..<2000 {
        packets.append(
          SimulatedPacket(
            number: number, sent: 0, arrival: Double(number) * 5,
            sequence: Int.random(in: 0..<65536, using: &generator),
            timestamp: Int.random(in: 0..<0x1_0000_0000, using: &generator),
            duration: Int.random(in: 1...6000, using: &generator),
            ssrc: UInt32.random(in: 1...3, using: &generator)))
      }
      let tail = stream(500, start: 10_000).map { packet in
        var packet = packet
        packet.number += 2000
        return packet
      }
      var simulation = PlayoutSimulation()
      simulation.run(packets + tail, end: 21_500)
      #expect(simulation.maximumBuffered <= .milliseconds(1300))
      #expect(simulation.played.last.map { $0.packet.number >= 2490 } == true)
      #expect(simulation.problems.filter { !$0.contains("after") }.isEmpty)
    }
  }
}
