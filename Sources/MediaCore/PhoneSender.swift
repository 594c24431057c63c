import Audio
import Base
import RTP

/// The stream towards one phone: a packet in each packet time, whatever there is to say.
///
///     add(frame)      // on each 20 ms tick
///     pace(…)         // on each 10 ms tick: sends when a packet is due
struct PhoneSender: ~Copyable {
  /// 60 ms that are about to be sent, and what two late ticks add.
  private static let capacity = 60 * 8 + 3 * Mixer.frameSampleCount
  /// Samples of one `MediaEngine.tickPeriod`.
  private static let tickSampleCount = 80

  private(set) var packetCount: UInt64 = 0
  private(set) var byteCount: UInt64 = 0
  private(set) var digitCount: UInt64 = 0
  private let ssrc = UInt32.random(in: .min ... .max)
  private var sequenceNumber = UInt16.random(in: .min ... .max)
  private var timestamp = UInt32.random(in: .min ... .max)
  private var waiting = SampleQueue(capacity: capacity)
  /// Ticks until the next packet may leave.
  private var ticksLeft = 0
  private var startsTalkspurt = true
  private var digits = TelephoneEventSender(clockRateHz: 8000)
  private var tone: DualTone?
  /// Silence stands for what the room says.
  var isDeaf = false
  /// Under what the room says.
  private var comfortNoise: ComfortNoise?
  private var inBandDigit: DualTone?
  private var sound: PhoneSoundPlayer?

  /// What ended with a packet.
  struct Completion {
    /// The last digit has been played.
    var digits = false
    /// The sound whose last sample has been played.
    var playback: UInt64?
  }

  /// Something to say besides the room.
  var isPlayingDigits: Bool { digits.isBusy }

  /// Letters other than digits and `w`, and what finds no room, are dropped.
  mutating func enqueue(_ text: String) { digits.enqueue(text) }

  mutating func play(_ tone: PhoneTone?) {
    self.tone = tone.map { DualTone($0) }
  }

  mutating func setComfortNoise(_ isHeard: Bool) { comfortNoise = isHeard ? comfortNoise ?? ComfortNoise() : nil }

  mutating func play(_ playback: PhonePlayback?) { sound = playback.map { PhoneSoundPlayer($0) } }

  /// Takes what the phone is to hear next; a tone covers it, a sound covers both.
  mutating func add(_ frame: UnsafeBufferPointer<Int16>) {
    if !waiting.append(frame) { waiting.removeAll() }
  }

  /// Time passes in which nothing was mixed.
  mutating func skip(tickCount: Int) {
    timestamp &+= UInt32(truncatingIfNeeded: tickCount * Self.tickSampleCount)
  }

  /// Sends the packet that is due, if any.
  mutating func pace(
    _ media: PhoneMedia, to remote: Endpoint, via port: MediaPort, _ output: inout MediaOutput
  ) -> Completion {
    let ticks = media.packetTickCount
    let count = ticks * Self.tickSampleCount
    ticksLeft = max(0, min(ticksLeft, ticks) - 1)
    guard ticksLeft == 0, waiting.count >= count else { return Completion() }
    ticksLeft = ticks
    defer {
      waiting.removeFirst(count)
      timestamp &+= UInt32(truncatingIfNeeded: count)
    }
    var completion = Completion(playback: cover(waiting.first(count)))
    guard media.sends else {
      startsTalkspurt = true
      return completion
    }
    let wasPlayingDigits = digits.isBusy
    send(count, media, to: remote, via: port, &output)
    completion.digits = wasPlayingDigits && !digits.isBusy
    return completion
  }

  /// Puts noise under what the room says, a tone and a sound over it; returns the playback that ends with these samples.
  private mutating func cover(_ samples: UnsafeMutableBufferPointer<Int16>) -> UInt64? {
    if isDeaf { samples.update(repeating: 0) }
    var span = samples.mutableSpan
    comfortNoise?.add(to: &span)
    tone?.fill(&span)
    guard let isOver = sound?.fill(samples), isOver else { return nil }
    defer { sound = nil }
    return sound?.id
  }

  private mutating func send(
    _ count: Int, _ media: PhoneMedia, to remote: Endpoint, via port: MediaPort, _ output: inout MediaOutput
  ) {
    let samples = waiting.first(count)
    var span = samples.mutableSpan
    if let packet = digits.next(timestamp: timestamp, packetTicks: UInt32(count)) {
      if packet.marker { digitCount += 1 }
      if let payloadType = media.eventPayloadType {
        return send(packet, payloadType: payloadType, to: remote, via: port, &output)
      }
      playInBand(packet, &span)
    } else {
      inBandDigit = nil
    }
    guard let slot = output.transmit.reserve() else { return }
    var bytes = slot.mutableBytes
    let header = RTPHeader(
      marker: startsTalkspurt, payloadType: media.payloadType, sequenceNumber: sequenceNumber, timestamp: timestamp,
      ssrc: ssrc)
    header.write(into: &bytes)
    media.codec.law.encode(UnsafeBufferPointer(samples).span, into: &bytes, at: RTPHeader.byteCount)
    startsTalkspurt = false
    commit(RTPHeader.byteCount + count, to: remote, via: port, &output)
  }

  private mutating func send(
    _ packet: TelephoneEventSender.Packet, payloadType: UInt8, to remote: Endpoint, via port: MediaPort,
    _ output: inout MediaOutput
  ) {
    guard let slot = output.transmit.reserve() else { return }
    var bytes = slot.mutableBytes
    let header = RTPHeader(
      marker: packet.marker, payloadType: payloadType, sequenceNumber: sequenceNumber, timestamp: packet.timestamp,
      ssrc: ssrc)
    header.write(into: &bytes)
    packet.event.write(into: &bytes, at: RTPHeader.byteCount)
    startsTalkspurt = true
    commit(RTPHeader.byteCount + TelephoneEvent.byteCount, to: remote, via: port, &output)
  }

  private mutating func commit(
    _ byteCount: Int, to remote: Endpoint, via port: MediaPort, _ output: inout MediaOutput
  ) {
    output.transmit.commit(byteCount: byteCount, to: remote, via: port)
    sequenceNumber &+= 1
    packetCount += 1
    self.byteCount += UInt64(byteCount)
  }

  /// A phone without telephone events gets the tone itself (ITU-T Q.23), in the same rhythm.
  private mutating func playInBand(_ packet: TelephoneEventSender.Packet, _ samples: inout MutableSpan<Int16>) {
    if packet.marker, let digit = DTMFDigit(code: packet.event.code) { inBandDigit = DualTone(digit: digit.character) }
    inBandDigit?.fill(&samples)
    // The end packet is repeated; the tone is not.
    if packet.event.isEnd { inBandDigit = nil }
  }
}

extension PhoneMedia {
  /// Packet time in ticks of the engine, 1…6.
  var packetTickCount: Int { Int(min(max((packetTime.wholeMilliseconds + 5) / 10, 1), 6)) }
}
