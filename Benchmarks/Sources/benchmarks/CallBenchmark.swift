import MediaCore

/// The whole packet path of calls: phone leg and WebRTC transport, both directions, SRTP, reports and timers.
enum CallBenchmark {
  private static let rooms: [(name: String, options: RoomMediaOptions)] = [
    ("Opus lowdelay, complexity 0", RoomMediaOptions()),
    (
      "Opus voip 24 kbit/s, complexity 5",
      RoomMediaOptions(opus: OpusOptions(application: .voice, bitRate: 24_000, complexity: 5))
    ),
    ("PCMU", RoomMediaOptions(codec: .pcmu)),
  ]
  private static let callCounts = [1, 100]

  struct LostPackets: Error, CustomStringConvertible {
    let description: String
  }

  static func run(_ speech: Speech, _ stopwatch: Stopwatch, _ report: inout Report) throws {
    guard var encoder = WidebandEncoder(bitsPerSecond: OpusBenchmark.agentBitsPerSecond, complexity: 5) else { return }
    let opus = encoder.packets(of: speech)
    let pcmu = (0..<speech.frameCount).map { VirtualCalls.pcmu(speech.samples.span.extracting(speech.range($0))) }
    for room in rooms {
      for count in callCounts {
        let agentPayloads = room.options.codec == .opus ? opus : pcmu
        try run(room.name, room.options, count, speech, agentPayloads, stopwatch, &report)
      }
    }
  }

  private static func run(
    _ name: String, _ options: RoomMediaOptions, _ count: Int, _ speech: Speech, _ agentPayloads: [[UInt8]],
    _ stopwatch: Stopwatch, _ report: inout Report
  ) throws {
    let group = "Packet path, room of \(name), \(count) call\(count == 1 ? "" : "s")"
    guard let identity = MediaIdentity.make() else { throw VirtualCalls.NotConnected(description: "no DTLS") }
    var calls = VirtualCalls(
      count: count, options: options, identity: identity, speech: speech, agentPayloads: agentPayloads)
    try calls.open()
    // A round is as long as the speech, so that each has the same to do.
    let seconds = (speech.frameCount + 49) / 50
    var best: VirtualCalls.Cost?
    for _ in 0..<stopwatch.rounds {
      var sum = VirtualCalls.Cost()
      for _ in 0..<seconds {
        sum.add(calls.runSecond())
        try check(calls.sentToPhones, calls.sentToPeers, count)
      }
      if sum.nanoseconds < best?.nanoseconds ?? .max { best = sum }
    }
    guard let best else { return }
    let callSeconds = Double(count * seconds)
    report.add(
      group, "CPU per call-second", Double(best.nanoseconds) / callSeconds / 1e6, "ms",
      note: "without the kernel; \(Int(1e9 * callSeconds / Double(best.nanoseconds))) calls a core")
    for (name, part) in [
      ("a phone's packet in, to the room", best.fromPhones), ("a participant's packet in", best.fromPeers),
      ("20 ms of ticks, to the phone", best.ticks),
    ] {
      report.add(
        group, name, Double(part.nanoseconds) / Double(part.count) / 1000, "µs",
        note: "\(text(part.allocations, per: part.count)) allocations each")
    }
    let heap = calls.heap
    let parts = [
      ("phone", heap.phone), ("transport", heap.transport), ("tracks", heap.tracks), ("first packets", heap.packets),
    ]
    report.add(
      group, "heap per call", Double(heap.total) / Double(count) / 1000, "kB",
      note: parts.map { "\($0.0) \($0.1 / count / 1000)" }.joined(separator: ", "))
  }

  /// A benchmark that drops packets measures nothing: 50 a second each way, and a report or two.
  private static func check(_ toPhones: Int, _ toPeers: Int, _ count: Int) throws {
    guard (49 * count...51 * count).contains(toPhones), (49 * count...54 * count).contains(toPeers) else {
      throw LostPackets(description: "\(count) calls: \(toPhones) packets to phones, \(toPeers) to participants")
    }
  }

  private static func text(_ allocations: Int, per count: Int) -> String {
    allocations == 0 ? "0" : String((Double(allocations) / Double(count) * 1000).rounded() / 1000)
  }
}

extension VirtualCalls.Cost {
  mutating func add(_ other: Self) {
    fromPhones.add(other.fromPhones)
    fromPeers.add(other.fromPeers)
    ticks.add(other.ticks)
  }
}

extension VirtualCalls.Cost.Part {
  mutating func add(_ other: Self) {
    nanoseconds += other.nanoseconds
    allocations += other.allocations
    count += other.count
  }
}
