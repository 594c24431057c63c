import Audio
import Base
import RTP

/// Turns the sound of one phone into the packets of a track: encoded once, whoever listens.
struct PhonePublisher: ~Copyable {
  /// The law in which other phones of the room get the track.
  let law: G711
  private let source: UnsafeMutablePointer<TrackSource>
  /// Nil in a room of PCMU.
  private var encoder: OpusEncoder8k?
  /// Less than a frame of Opus.
  private var waiting = SampleQueue(capacity: PhoneReceiver.maximumSampleCount + Mixer.frameSampleCount)
  private let packet: UnsafeMutableRawBufferPointer
  private let ssrc = UInt32.random(in: .min ... .max)
  private var sequenceNumber: UInt16 = 0
  /// Samples since the start.
  private var position: UInt32 = 0
  private var isAfterGap = true

  /// Nil when memory is short.
  init?(_ options: RoomMediaOptions, law: G711, source: UnsafeMutablePointer<TrackSource>) {
    self.source = source
    let isOpus = options.codec == .opus
    self.law = isOpus ? law : .pcmu
    encoder = isOpus ? OpusEncoder8k(OpusEncoderSettings(options.opus)) : nil
    packet = .allocate(byteCount: PhoneReceiver.maximumSampleCount, alignment: 16)
    packet.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { packet.deallocate() }

  /// Publishes a piece of sound. `payload` is the packet of `payloadLaw` that it came in, if it is unchanged.
  mutating func publish(
    _ samples: UnsafeBufferPointer<Int16>, payload: UnsafeRawBufferPointer?, payloadLaw: G711, at now: MonotonicTime,
    _ output: inout MediaOutput
  ) {
    if encoder != nil {
      waiting.append(samples)
      publishFrames(at: now, &output)
    } else if let payload, payloadLaw == law {
      publish(samples, asG711: payload, at: now, &output)
    } else {
      publish(samples, asG711: encodeG711(samples), at: now, &output)
    }
  }

  /// Lets time pass in which the phone sent nothing.
  mutating func skip(_ count: Int, at now: MonotonicTime, _ output: inout MediaOutput) {
    var count = count
    if waiting.count > 0 {
      let padding = min(count, Mixer.frameSampleCount - waiting.count)
      waiting.room(for: padding).update(repeating: 0)
      waiting.append(filled: padding)
      count -= padding
      publishFrames(at: now, &output)
    }
    position &+= UInt32(truncatingIfNeeded: count)
    if count > 0 { isAfterGap = true }
  }

  private mutating func publishFrames(at now: MonotonicTime, _ output: inout MediaOutput) {
    let source = source
    while waiting.count >= Mixer.frameSampleCount {
      let frame = UnsafeBufferPointer(waiting.first(Mixer.frameSampleCount))
      let level = measure(frame)
      source.pointee.activate(output)
      if source.pointee.hasSubscribers {
        var bytes = packet.mutableBytes
        let byteCount = encoder?.encode(frame.span, into: &bytes) ?? 0
        let payload = UnsafeRawBufferPointer(rebasing: packet[..<byteCount])
        let header = header(timestamp: position &* OpusEncoder8k.timestampTicksPerSample)
        source.pointee.deliver(header, payload: payload.bytes, level: level, at: now, &output)
      }
      if let playout = source.pointee.playout {
        let payload = encodeG711(frame)
        playout.pointee.insert(header(timestamp: position), payload: payload.bytes, level: nil, at: now)
      }
      waiting.removeFirst(frame.count)
      advance(frame.count)
    }
  }

  private mutating func publish(
    _ samples: UnsafeBufferPointer<Int16>, asG711 payload: UnsafeRawBufferPointer, at now: MonotonicTime,
    _ output: inout MediaOutput
  ) {
    let source = source
    let level = measure(samples)
    let header = header(timestamp: position)
    source.pointee.deliver(header, payload: payload.bytes, level: level, at: now, &output)
    if let playout = source.pointee.playout {
      playout.pointee.insert(header, payload: payload.bytes, level: nil, at: now)
    }
    advance(samples.count)
  }

  /// In decibels below full scale. Nil while nobody hears the track.
  private func measure(_ samples: UnsafeBufferPointer<Int16>) -> UInt8? {
    let source = source
    guard !source.pointee.isMuted else { return nil }
    let level = AudioLevel.level(of: samples.span)
    source.pointee.level.add(level: level, duration: .microseconds(125 * samples.count))
    return level
  }

  private func encodeG711(_ samples: UnsafeBufferPointer<Int16>) -> UnsafeRawBufferPointer {
    var bytes = packet.mutableBytes
    law.encode(samples.span, into: &bytes)
    return UnsafeRawBufferPointer(rebasing: packet[..<samples.count])
  }

  /// The payload type is each subscriber's own.
  private func header(timestamp: UInt32) -> RTPHeader {
    RTPHeader(
      marker: isAfterGap, payloadType: 0, sequenceNumber: sequenceNumber, timestamp: timestamp, ssrc: ssrc)
  }

  private mutating func advance(_ count: Int) {
    position &+= UInt32(truncatingIfNeeded: count)
    sequenceNumber &+= 1
    isAfterGap = false
  }
}

extension OpusEncoderSettings {
  init(_ options: OpusOptions) {
    self.init()
    application = options.application == .lowDelay ? .restrictedLowDelay : .voip
    bitsPerSecond = options.bitRate
    complexity = options.complexity
    usesInbandFEC = options.usesInbandFEC
  }
}
