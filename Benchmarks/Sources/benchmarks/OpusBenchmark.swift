import Audio

/// Opus at 8 kHz in each mode that the gateway may be configured for, and what it gets from agents.
enum OpusBenchmark {
  private static let group = "Opus, a frame of 20 ms"
  private static let modes: [(name: String, OpusEncoderSettings.Application, bitsPerSecond: Int)] = [
    ("lowdelay 48 kbit/s", .restrictedLowDelay, 48_000), ("voip 24 kbit/s", .voip, 24_000),
  ]
  private static let complexities = [0, 1, 3, 5, 8, 10]
  /// What LiveKit's SDKs ask of an agent's encoder.
  static let agentBitsPerSecond: Int32 = 32_000

  static func run(_ speech: Speech, _ stopwatch: Stopwatch, _ report: inout Report) {
    let calls = speech.frameCount * 2
    for mode in modes {
      for complexity in complexities {
        var settings = OpusEncoderSettings()
        settings.application = mode.1
        settings.bitsPerSecond = mode.bitsPerSecond
        settings.complexity = complexity
        guard var encoder = OpusEncoder8k(settings) else { continue }
        var packet = [UInt8](repeating: 0, count: OpusEncoder8k.maximumPacketByteCount)
        let cost = stopwatch.nanoseconds(calls: calls) { call in
          var elements = packet.mutableSpan
          var bytes = elements.mutableBytes
          consume(encoder.encode(speech.samples.span.extracting(speech.range(call)), into: &bytes))
        }
        report.add(group, "encode 8 kHz, \(mode.name), complexity \(complexity)", cost / 1000, "µs")
      }
    }
    for mode in modes {
      var settings = OpusEncoderSettings()
      settings.application = mode.1
      settings.bitsPerSecond = mode.bitsPerSecond
      let packets = packets(of: speech, settings)
      report.add(group, "decode 8 kHz, \(mode.name)", decode(packets, stopwatch) / 1000, "µs")
      report.add(group, "conceal 8 kHz, \(mode.name)", conceal(packets, stopwatch) / 1000, "µs")
    }
    for bitsPerSecond in [24_000, agentBitsPerSecond, 48_000] {
      guard var encoder = WidebandEncoder(bitsPerSecond: bitsPerSecond, complexity: 5) else { continue }
      let packets = encoder.packets(of: speech)
      report.add(
        group, "decode an agent's 48 kHz, \(bitsPerSecond / 1000) kbit/s, to 8 kHz", decode(packets, stopwatch) / 1000,
        "µs",
        note: "configuration \(packets[packets.count / 2][0] >> 3)")
    }
    peer(speech, stopwatch, complexity: 5, &report)
  }

  /// What a bridge pays that encodes the call at 48 kHz, before resampling.
  private static func peer(_ speech: Speech, _ stopwatch: Stopwatch, complexity: Int32, _ report: inout Report) {
    guard var encoder = WidebandEncoder(bitsPerSecond: 24_000, complexity: complexity) else { return }
    let samples = speech.samplesAt48kHz
    var packet = [UInt8](repeating: 0, count: 1000)
    let cost = stopwatch.nanoseconds(calls: speech.frameCount) { call in
      let frame = samples[(call * WidebandEncoder.frameSampleCount)...].prefix(WidebandEncoder.frameSampleCount)
      consume(encoder.encode(frame, into: &packet))
    }
    report.add(
      group, "encode 48 kHz, voip 24 kbit/s, complexity \(complexity)", cost / 1000, "µs",
      note: "what is not done here: encoding the call at 48 kHz")
  }

  private static func packets(of speech: Speech, _ settings: OpusEncoderSettings) -> [[UInt8]] {
    guard var encoder = OpusEncoder8k(settings) else { return [] }
    var packet = [UInt8](repeating: 0, count: OpusEncoder8k.maximumPacketByteCount)
    return (0..<speech.frameCount).map { index in
      var elements = packet.mutableSpan
      var bytes = elements.mutableBytes
      let count = encoder.encode(speech.samples.span.extracting(speech.range(index)), into: &bytes)
      return Array(packet[..<count])
    }
  }

  private static func decode(_ packets: [[UInt8]], _ stopwatch: Stopwatch) -> Double {
    guard var decoder = OpusDecoder8k() else { return 0 }
    var frame = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
    return stopwatch.nanoseconds(calls: packets.count) { call in
      var samples = frame.mutableSpan
      let packet = packets[call]
      consume(decoder.decode(packet.span.bytes, into: &samples))
    }
  }

  /// The cost of each fourth packet being lost, less that of the three that came.
  private static func conceal(_ packets: [[UInt8]], _ stopwatch: Stopwatch) -> Double {
    guard var decoder = OpusDecoder8k() else { return 0 }
    var frame = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
    let groups = packets.count / 4
    let withLoss = stopwatch.nanoseconds(calls: groups) { call in
      var samples = frame.mutableSpan
      for packet in packets[(call * 4)..<(call * 4 + 3)] { consume(decoder.decode(packet.span.bytes, into: &samples)) }
      consume(decoder.conceal(sampleCount: Speech.frameSampleCount, into: &samples))
    }
    let without = stopwatch.nanoseconds(calls: groups) { call in
      var samples = frame.mutableSpan
      for packet in packets[(call * 4)..<(call * 4 + 3)] { consume(decoder.decode(packet.span.bytes, into: &samples)) }
    }
    return max(0, withLoss - without)
  }
}
