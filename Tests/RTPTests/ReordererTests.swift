import Base
import RTP
import Testing

/// Feeds a reorderer and writes down what it says.
struct ReordererRun {
  enum Step: Hashable {
    case packet(Int)
    case lost(Int)
    case gap(Int)
  }

  var steps: [Step] = []
  var insertions: [PacketInsertion] = []
  /// When each packet came out, by number.
  var times: [Int: MonotonicTime] = [:]

  mutating func insert(
    _ number: Int, timestamp: Int? = nil, ssrc: UInt32 = 7, sequence: Int? = nil, duration: Int = 160,
    into reorderer: inout Reorderer, at milliseconds: Double
  ) {
    let header = header(sequence ?? number, timestamp ?? number * duration, ssrc: ssrc)
    let payload = [UInt8](marking: number)
    insertions.append(
      reorderer.insert(header, payload: payload.span.bytes, durationTicks: duration, at: .milliseconds(milliseconds)))
    drain(&reorderer, at: milliseconds)
  }

  mutating func drain(_ reorderer: inout Reorderer, at milliseconds: Double) {
    while let output = reorderer.next(at: .milliseconds(milliseconds)) {
      switch output {
      case .packet(let packet):
        let number = reorderer.withPayload(of: packet) { $0.markedNumber }
        steps.append(.packet(number))
        times[number] = .milliseconds(milliseconds)
      case .lost(let ticks): steps.append(.lost(ticks))
      case .gap(let ticks): steps.append(.gap(ticks))
      }
    }
  }
}

@Suite("Reorderer")
struct ReordererTests {
  @Test("packets in order pass at once, over both wraps")
  func inOrder() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 65000..<67000 {
      run.insert(number, timestamp: 0xFFFF_0000 + number * 160, into: &reorderer, at: Double(number) * 20)
    }
    #expect(run.steps == (65000..<67000).map { .packet($0) })
    #expect((65000..<67000).allSatisfy { run.times[$0] == .milliseconds(Double($0) * 20) })
    #expect(reorderer.counters == Reorderer.Counters())
  }

  @Test("a packet that was overtaken is put back without a loss")
  func swapped() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for (number, time) in [(0, 0), (2, 20), (1, 25), (3, 60)] as [(Int, Double)] {
      run.insert(number, into: &reorderer, at: time)
    }
    #expect(run.steps == [.packet(0), .packet(1), .packet(2), .packet(3)])
    #expect(reorderer.counters.reordered == 1)
  }

  @Test("a lost packet is declared after the wait, which shrinks while packets stay away")
  func lost() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    var waits: [Double] = []
    for number in 0..<200 where number % 20 != 10 {
      let time = Double(number) * 20
      run.insert(number, into: &reorderer, at: time)
      for millisecond in 1..<20 { run.drain(&reorderer, at: time + Double(millisecond)) }
    }
    for number in stride(from: 11, to: 200, by: 20) {
      waits.append((run.times[number]?.milliseconds ?? 0) - Double(number) * 20)
    }
    #expect(waits == [60, 50, 40, 30, 20, 20, 20, 20, 20, 20])
    #expect(run.steps.filter { $0 == .lost(160) }.count == 10)
    #expect(run.steps.count == 200)
    #expect(reorderer.counters.lost == 10)
    #expect(reorderer.deadline == nil)
  }

  @Test("a late packet is dropped, and the next one is waited for longer")
  func late() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    // Losses teach it to wait for 20 ms only.
    for number in 0..<200 where number % 20 != 10 {
      run.insert(number, into: &reorderer, at: Double(number) * 20)
      run.drain(&reorderer, at: Double(number) * 20 + 10)
    }
    #expect(reorderer.wait == .milliseconds(20))
    for base in stride(from: 200, to: 300, by: 10) {
      // The second packet of ten comes 45 ms after the third.
      for (offset, delay) in [(0, 0), (2, 0), (3, 0), (4, 0), (1, 65), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0)] {
        let time = Double(base + offset) * 20 + Double(delay)
        run.drain(&reorderer, at: time - 1)
        run.insert(base + offset, into: &reorderer, at: time)
      }
    }
    #expect(reorderer.counters.late == 1)
    #expect(reorderer.counters.lost == 11)
    #expect(reorderer.counters.reordered == 9)
    #expect(reorderer.wait == .milliseconds(55))
  }

  @Test("duplicates are dropped, before and after their turn")
  func duplicates() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for (number, time) in [(0, 0), (0, 1), (2, 20), (2, 21), (1, 25), (1, 26), (3, 60)] as [(Int, Double)] {
      run.insert(number, into: &reorderer, at: time)
    }
    #expect(run.steps == (0..<4).map { .packet($0) })
    #expect(
      run.insertions == [.accepted, .duplicate, .accepted, .duplicate, .accepted, .duplicate, .accepted])
    #expect(reorderer.counters.late == 0)
  }

  @Test("silence suppression is a gap and no loss")
  func silence() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    run.insert(0, timestamp: 0, into: &reorderer, at: 0)
    run.insert(1, timestamp: 160, into: &reorderer, at: 20)
    run.insert(2, timestamp: 80_160, into: &reorderer, at: 10_020)
    #expect(run.steps == [.packet(0), .packet(1), .gap(79_840), .packet(2)])
    #expect(reorderer.restartCount == 0)
  }

  @Test("a loss within silence suppression is only what the missing packets can have held")
  func lossInSilence() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    run.insert(0, timestamp: 0, into: &reorderer, at: 0)
    run.insert(3, timestamp: 16_000, into: &reorderer, at: 2000)
    run.drain(&reorderer, at: 2060)
    #expect(run.steps == [.packet(0), .lost(320), .gap(16_000 - 480), .packet(3)])
  }

  @Test("an outage of seconds is concealed for 200 ms and the rest is a gap")
  func outage() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    run.insert(0, into: &reorderer, at: 0)
    run.insert(500, into: &reorderer, at: 10_000)
    run.drain(&reorderer, at: 10_060)
    #expect(run.steps == [.packet(0), .lost(1600), .gap(499 * 160 - 1600), .packet(500)])
  }

  @Test("a change of source goes on without a gap, and stragglers of the old one are dropped")
  func sourceChange() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 0..<5 { run.insert(number, into: &reorderer, at: Double(number) * 20) }
    run.insert(5, timestamp: 0x8000_0000, ssrc: 8, sequence: 40_000, into: &reorderer, at: 100)
    run.insert(99, timestamp: 5 * 160, sequence: 5, into: &reorderer, at: 105)
    run.insert(6, timestamp: 0x8000_00A0, ssrc: 8, sequence: 40_001, into: &reorderer, at: 120)
    #expect(run.steps == (0..<7).map { .packet($0) })
    #expect(run.insertions[6] == .ignored)
    #expect(reorderer.restartCount == 1)
  }

  @Test("two sources at once: the newer one is heard, at its own pace")
  func twoSources() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 0..<100 {
      run.insert(number, into: &reorderer, at: Double(number) * 20)
      if number >= 50 {
        run.insert(1000 + number, timestamp: number * 160, ssrc: 8, into: &reorderer, at: Double(number) * 20 + 5)
      }
    }
    #expect(run.steps.count == 51 + 50)
    #expect(run.steps.suffix(50) == ArraySlice((1050..<1100).map { .packet($0) }))
  }

  @Test(
    "a jump of the timestamp goes on without a gap",
    arguments: [1_000_000, -1_000_000, 0x7FFF_0000, 0x8000_0000, -5000])
  func timestampJump(jump: Int) {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 0..<10 {
      run.insert(
        number, timestamp: number * 160 + (number >= 5 ? jump : 0), into: &reorderer, at: Double(number) * 20)
    }
    #expect(run.steps == (0..<10).map { .packet($0) })
  }

  @Test("a jump of the sequence number costs one packet", arguments: [5000, 30_000, -200, -30_000])
  func sequenceJump(jump: Int) {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 0..<10 {
      run.insert(number, sequence: 1000 + number + (number >= 5 ? jump : 0), into: &reorderer, at: Double(number) * 20)
    }
    let packets = run.steps.filter { if case .packet = $0 { true } else { false } }
    #expect(packets == [0, 1, 2, 3, 4, 6, 7, 8, 9].map { .packet($0) })
    #expect(reorderer.restartCount == 1)
  }

  @Test("a capture that plays again from its start is heard again, after two packets", arguments: [30, 300])
  func replay(count: Int) {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for round in 0..<2 {
      for number in 0..<count {
        let time = Double(round) * (Double(count) * 20 + 1000) + Double(number) * 20
        run.insert(round * count + number, timestamp: number * 160, sequence: number, into: &reorderer, at: time)
      }
    }
    let packets = run.steps.filter { if case .packet = $0 { true } else { false } }
    #expect(packets.count >= 2 * count - 2)
    #expect(packets.last == .packet(2 * count - 1))
    // The pause of a second between the two is not lost.
    let gaps = run.steps.compactMap { if case .gap(let ticks) = $0 { ticks } else { nil } }
    #expect(gaps.count == 1)
    #expect(gaps.allSatisfy { (7500...9000).contains($0) })
  }

  @Test("telephone events between audio are no loss; their time is a gap")
  func events() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 0..<5 { run.insert(number, into: &reorderer, at: Double(number) * 20) }
    // Nine seconds of one key.
    for number in 5..<455 {
      _ = reorderer.skip(header(number, 5 * 160, payloadType: 101), at: .milliseconds(Double(number) * 20))
      run.drain(&reorderer, at: Double(number) * 20)
    }
    for number in 455..<460 { run.insert(number, into: &reorderer, at: Double(number) * 20) }
    #expect(run.steps == (0..<5).map { .packet($0) } + [.gap(450 * 160)] + (455..<460).map { .packet($0) })
    #expect(reorderer.counters.lost == 0)
  }

  @Test("events of another source, as sipp plays them, leave the audio alone")
  func foreignEvents() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    for number in 0..<20 {
      run.insert(number, into: &reorderer, at: Double(number) * 20)
      _ = reorderer.skip(
        header(8155 + number, 43200, ssrc: 99, payloadType: 101), at: .milliseconds(Double(number) * 20))
      run.drain(&reorderer, at: Double(number) * 20 + 1)
    }
    #expect(run.steps == (0..<20).map { .packet($0) })
  }

  @Test("a loss beside an event is concealed for the packets that were lost")
  func lossBesideEvent() {
    var reorderer = Reorderer()
    var run = ReordererRun()
    run.insert(0, into: &reorderer, at: 0)
    _ = reorderer.skip(header(2, 320, payloadType: 101), at: .milliseconds(40))
    _ = reorderer.skip(header(3, 320, payloadType: 101), at: .milliseconds(60))
    run.drain(&reorderer, at: 200)
    run.insert(4, timestamp: 640, into: &reorderer, at: 200)
    #expect(run.steps == [.packet(0), .lost(160), .gap(320), .packet(4)])
  }

  @Test("packets of any length keep their time", arguments: [80, 160, 240, 320, 480, 960])
  func packetTimes(duration: Int) {
    var reorderer = Reorderer()
    var run = ReordererRun()
    let milliseconds = Double(duration) / 8
    for number in 0..<50 where number != 20 {
      run.insert(number, duration: duration, into: &reorderer, at: Double(number) * milliseconds)
    }
    run.drain(&reorderer, at: 50 * milliseconds + 100)
    #expect(run.steps == (0..<50).map { $0 == 20 ? .lost(duration) : .packet($0) })
  }

  /// Where the line of the stream stands when each packet comes out.
  private func check(_ run: ReordererRun, seed: UInt64) {
    var time = 0
    var last = -1
    for step in run.steps {
      switch step {
      case .packet(let number):
        if number <= last { Issue.record("seed \(seed): \(number) after \(last)") }
        if time != number * 160 { Issue.record("seed \(seed): packet \(number) at \(time)") }
        last = number
        time += 160
      case .lost(let ticks), .gap(let ticks): time += ticks
      }
    }
  }

  @Test("under loss, jitter, reordering and repetition no time is lost or gained, and no packet waits long")
  func network() {
    for seed in 0..<60 as Range<UInt64> {
      var generator = RandomSource.seeded(seed)
      let loss = Double.random(in: 0...0.2, using: &generator)
      let jitter = Double.random(in: 0...80, using: &generator)
      var arrivals: [(time: Double, number: Int)] = []
      for number in 0..<1000 where number == 0 || !generator.chance(loss) {
        let time = Double(number) * 20 + (number == 0 ? 0 : Double.random(in: 0...jitter, using: &generator))
        arrivals.append((time, number))
        if generator.chance(0.02) { arrivals.append((time + Double.random(in: 0...50, using: &generator), number)) }
      }
      arrivals.sort { $0.time < $1.time }
      var reorderer = Reorderer()
      var run = ReordererRun()
      var tick = 0.0
      for (time, number) in arrivals {
        while tick < time {
          run.drain(&reorderer, at: tick)
          tick += 20
        }
        run.insert(number, into: &reorderer, at: time)
        // 60 ms of wait and one tick, after the latest arrival that jitter allows.
        for (released, at) in run.times.filter({ $0.value == .milliseconds(time) })
        where at.milliseconds - Double(released) * 20 > jitter + 81 { Issue.record("seed \(seed): \(released) late") }
      }
      for _ in 0..<10 {
        run.drain(&reorderer, at: tick)
        tick += 20
      }
      check(run, seed: seed)
      #expect(reorderer.counters.late <= 200)
      #expect(reorderer.deadline == nil)
    }
  }
}
