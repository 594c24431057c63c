import Testing

@testable import Audio

@Suite("Opus at 8 kHz")
struct OpusTests {
  /// Encodes and decodes a tone, and returns what comes out after the codec has settled.
  private func roundTrip(
    _ settings: OpusEncoderSettings, samplesPerFrame: Int, frequencyHz: Double, frameCount: Int
  ) throws -> [Int16] {
    var encoder = try made(OpusEncoder8k(settings))
    var decoder = try made(OpusDecoder8k())
    var output: [Int16] = []
    for index in 0..<frameCount {
      let input = [Int16].tone(
        frequencyHz, peak: 8000, count: samplesPerFrame, from: index * samplesPerFrame)
      var packet = [UInt8](repeating: 0, count: 12 + OpusEncoder8k.maximumPacketByteCount)
      let byteCount = packet.withRaw { encoder.encode(input.span, into: &$0, at: 12) }
      #expect(byteCount > 0)
      let payload = Array(packet[12..<(12 + byteCount)])
      #expect(OpusDecoder8k.sampleCount(of: payload.span.bytes) == samplesPerFrame)
      var samples = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
      let count = samples.withSpan { decoder.decode(payload.span.bytes, into: &$0) }
      #expect(count == samplesPerFrame)
      output += samples[..<count]
    }
    return Array(output[(output.count / 2)...])
  }

  @Test(
    "a tone comes back within 1 dB, whatever the frame and the mode",
    arguments: [80, 160, 320, 480], [OpusEncoderSettings.Application.restrictedLowDelay, .voip, .audio])
  func keepsLevel(samplesPerFrame: Int, application: OpusEncoderSettings.Application) throws {
    var settings = OpusEncoderSettings()
    settings.application = application
    let output = try roundTrip(
      settings, samplesPerFrame: samplesPerFrame, frequencyHz: 1000, frameCount: 16_000 / samplesPerFrame)
    #expect(abs(decibels(output.amplitude(atHz: 1000), over: 8000)) < 1)
  }

  @Test("a frame that Opus does not have gives nothing", arguments: [0, 1, 40, 159, 161, 960])
  func refusesOtherLengths(count: Int) throws {
    var encoder = try made(OpusEncoder8k())
    var packet = [UInt8](repeating: 0, count: 1000)
    let samples = [Int16](repeating: 0, count: count)
    let byteCount = packet.withRaw { encoder.encode(samples.span, into: &$0) }
    #expect(byteCount == 0)
  }

  @Test("rubbish decodes to nothing", arguments: [[], [0xFF], [0x03], [0xFB, 0xFF], [0x0B, 0x3F]] as [[UInt8]])
  func refusesRubbish(payload: [UInt8]) throws {
    var decoder = try made(OpusDecoder8k())
    var samples = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
    let count = samples.withSpan { decoder.decode(payload.span.bytes, into: &$0) }
    #expect(count == 0)
  }

  @Test("a packet longer than the room decodes to nothing rather than to a part")
  func refusesSmallRoom() throws {
    var encoder = try made(OpusEncoder8k())
    var decoder = try made(OpusDecoder8k())
    var packet = [UInt8](repeating: 0, count: 1000)
    let byteCount = packet.withRaw { encoder.encode([Int16].tone(440, peak: 999, count: 480).span, into: &$0) }
    var samples = [Int16](repeating: 0, count: 160)
    let payload = Array(packet[..<byteCount])
    let count = samples.withSpan { decoder.decode(payload.span.bytes, into: &$0) }
    #expect(count == 0)
  }

  @Test("concealment is as long as what was lost, and goes on with the sound", arguments: [80, 160, 320, 480, 960])
  func conceals(sampleCount: Int) throws {
    var encoder = try made(OpusEncoder8k())
    var decoder = try made(OpusDecoder8k())
    var samples = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
    for index in 0..<10 {
      let input = [Int16].tone(500, peak: 8000, count: 160, from: index * 160)
      var packet = [UInt8](repeating: 0, count: 1000)
      let byteCount = packet.withRaw { encoder.encode(input.span, into: &$0) }
      let payload = Array(packet[..<byteCount])
      _ = samples.withSpan { decoder.decode(payload.span.bytes, into: &$0) }
    }
    let count = samples.withSpan { decoder.conceal(sampleCount: sampleCount, into: &$0) }
    #expect(count == sampleCount)
    #expect(Array(samples[..<80]).rms > 1000)
    let tooMany = samples.withSpan { decoder.conceal(sampleCount: 961, into: &$0) }
    #expect(tooMany == 0)
  }

  @Test("in-band FEC brings a lost frame back better than concealment does")
  func decodesRedundancy() throws {
    var settings = OpusEncoderSettings()
    settings.application = .voip
    settings.usesInbandFEC = true
    settings.expectedLossPercent = 20
    var encoder = try made(OpusEncoder8k(settings))
    var withFEC = try made(OpusDecoder8k())
    var without = try made(OpusDecoder8k())
    var samples = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
    // A tone that begins in the very frame that is lost: concealment cannot know of it.
    let lost = 20
    var payloads: [[UInt8]] = []
    for index in 0...(lost + 1) {
      let input = [Int16].tone(300, peak: index < lost ? 0 : 10_000, count: 160, from: index * 160)
      var packet = [UInt8](repeating: 0, count: 1000)
      let byteCount = packet.withRaw { encoder.encode(input.span, into: &$0) }
      payloads.append(Array(packet[..<byteCount]))
    }
    for payload in payloads[..<lost] {
      _ = samples.withSpan { withFEC.decode(payload.span.bytes, into: &$0) }
      _ = samples.withSpan { without.decode(payload.span.bytes, into: &$0) }
    }
    let next = payloads[lost + 1]
    let count = samples.withSpan { withFEC.decodeRedundancy(in: next.span.bytes, sampleCount: 160, into: &$0) }
    #expect(count == 160)
    let recovered = Array(samples[..<160]).rms
    _ = samples.withSpan { without.conceal(sampleCount: 160, into: &$0) }
    let concealed = Array(samples[..<160]).rms
    #expect(recovered > 1000)
    #expect(concealed < 100)
  }
}
