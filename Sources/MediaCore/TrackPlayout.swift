import Audio
import Base
import RTP

/// One track as phone legs hear it: its jitter buffer, its decoder, and the frame of the present tick.
struct TrackPlayout: ~Copyable {
  enum Kind: Hashable {
    case opus
    case g711(G711)
  }

  /// RFC 6464: what is this far below full scale is not missed when the delay has to shrink.
  private static let silentLevel: UInt8 = 60
  /// An Opus packet this short carries no sound (RFC 6716 §3.1: discontinuous transmission).
  private static let emptyOpusByteCount = 2
  private static let frameSampleCount = Mixer.frameSampleCount

  private(set) var framesConcealed: UInt64 = 0
  private let law: G711
  private let ticksPerSample: Int
  private var jitter: JitterBuffer
  private var decoder: OpusDecoder8k?
  private var concealer: LossConcealer?
  private var decoded = SampleQueue(capacity: OpusDecoder8k.maximumSampleCount * 2)
  private let frame: UnsafeMutableBufferPointer<Int16>
  /// Something of this track is in the present frame.
  private(set) var isAudible = false

  /// Nil when memory is short.
  init?(_ kind: Kind) {
    switch kind {
    case .opus:
      decoder = OpusDecoder8k()
      concealer = nil
      law = .pcmu
      ticksPerSample = 6
    case .g711(let law):
      decoder = nil
      concealer = LossConcealer()
      self.law = law
      ticksPerSample = 1
    }
    jitter = JitterBuffer(JitterBuffer.Configuration(clockRateHz: 8000 * ticksPerSample))
    frame = .allocate(capacity: Self.frameSampleCount)
    frame.initialize(repeating: 0)
    if decoder == nil && concealer == nil { return nil }
  }

  deinit { frame.deallocate() }

  /// Takes one packet of the track. `level` is what its sender says (RFC 6464), if anything.
  mutating func insert(_ header: RTPHeader, payload: RawSpan, level: UInt8?, at now: MonotonicTime) {
    let samples = ticksPerSample == 1 ? payload.byteCount : OpusDecoder8k.sampleCount(of: payload)
    guard samples > 0, samples <= OpusDecoder8k.maximumSampleCount else { return }
    let isEmpty = ticksPerSample != 1 && payload.byteCount <= Self.emptyOpusByteCount
    let isSilent = isEmpty || level.map { $0 >= Self.silentLevel } ?? false
    _ = jitter.insert(header, payload: payload, durationTicks: samples * ticksPerSample, isSilent: isSilent, at: now)
  }

  /// Makes the frame of this tick, once a tick.
  mutating func advance(at now: MonotonicTime) {
    // Only sound leaves a rest behind: silence is made to measure.
    isAudible = decoded.count > 0
    while decoded.count < Self.frameSampleCount {
      let wanted = Self.frameSampleCount - decoded.count
      switch jitter.next(at: now, wanted: wanted * ticksPerSample) {
      case .packet(let packet):
        isAudible = true
        decode(packet)
      case .conceal(let ticks, let successor):
        isAudible = true
        framesConcealed += 1
        conceal(max(1, ticks / ticksPerSample), successor)
      case .silence:
        append(silence: wanted)
      }
    }
    _ = frame.update(fromContentsOf: decoded.first(Self.frameSampleCount))
    decoded.removeFirst(Self.frameSampleCount)
  }

  /// 20 ms at 8 kHz, as the last `advance` made it.
  var samples: UnsafeBufferPointer<Int16> { UnsafeBufferPointer(frame) }

  /// How much audio waits.
  var delay: Duration { jitter.bufferedDuration }

  private mutating func decode(_ packet: BufferedPacket) {
    let expected = packet.durationTicks / ticksPerSample
    let room = decoded.room(for: expected)
    guard room.count == expected, expected > 0 else { return decoded.removeAll() }
    var samples = room.mutableSpan
    let payload = payload(of: packet).bytes
    let count = decoder?.decode(payload, into: &samples) ?? decodeG711(payload, into: &samples)
    guard count == expected else { return append(silence: expected) }
    // Too much waits and nobody would miss this sound: the delay shrinks by it.
    if packet.isSurplus, AudioLevel.level(of: samples.span) >= Self.silentLevel { return }
    decoded.append(filled: count)
  }

  private mutating func decodeG711(_ payload: RawSpan, into samples: inout MutableSpan<Int16>) -> Int {
    let count = law.decode(payload, into: &samples)
    concealer?.receive(&samples)
    return count
  }

  private mutating func conceal(_ count: Int, _ successor: BufferedPacket?) {
    let room = decoded.room(for: count)
    guard room.count == count else { return decoded.removeAll() }
    var samples = room.mutableSpan
    var made = 0
    if let successor, successor.durationTicks == count * ticksPerSample {
      let payload = payload(of: successor).bytes
      made = decoder?.decodeRedundancy(in: payload, sampleCount: count, into: &samples) ?? 0
    }
    if made == 0 { made = decoder?.conceal(sampleCount: count, into: &samples) ?? 0 }
    if decoder == nil {
      concealer?.fill(&samples)
      made = count
    }
    guard made == count else { return append(silence: count) }
    decoded.append(filled: count)
  }

  private mutating func append(silence count: Int) {
    let room = decoded.room(for: count)
    room.update(repeating: 0)
    decoded.append(filled: room.count)
  }

  /// The bytes stay where they are until the jitter buffer is asked for the next packet.
  private func payload(of packet: BufferedPacket) -> UnsafeRawBufferPointer {
    jitter.withPayload(of: packet) { payload in payload.withUnsafeBytes { $0 } }
  }
}
