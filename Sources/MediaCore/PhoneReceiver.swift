import Audio
import Base
import RTP

/// The sound and the digits of one phone: packets in any order in, a stream in order out, on which time never shrinks.
///
///     receive(packet, …)                      // on each datagram
///     while let piece = next(at: now) { … }   // after each of these, and on each tick
struct PhoneReceiver: ~Copyable {
  enum Arrival: Hashable {
    case stranger
    /// Not RTP, another payload type, or against the negotiated direction.
    case refused
    case sound
    /// A telephone event; with the digit when it is the first packet of its press.
    case event(DTMFDigit?)
  }

  /// What comes next on the phone's line of time.
  enum Piece: Hashable {
    /// `samples` holds so many. `isPacket`: they are those of `payload`, unchanged.
    case sound(count: Int, isPacket: Bool)
    /// So many samples pass in which the phone sent nothing.
    case gap(count: Int)
  }

  /// The longest packet taken, and the longest loss concealed in one piece.
  static let maximumSampleCount = 1600
  /// RFC 3389: comfort noise. It carries no sound of its own; only its number counts.
  private static let comfortNoisePayloadType: UInt8 = 13
  /// Silence made for one packet of a digit; a longer step back in time is another clock.
  private static let maximumFillCount = 480
  /// 40 ms of tone and 40 ms of pause (ITU-T Q.24) make 12.5 a second at the most.
  private static let digitsPerSecond = 20

  private(set) var media: PhoneMedia
  private var latch: SourceLatch
  private var reception = ReceptionStatistics(clockRateHz: 8000)
  private var reorderer = Reorderer()
  private var events: TelephoneEventReceiver
  private var digitRate = TokenBucket(perSecond: digitsPerSecond, burst: digitsPerSecond, now: .zero)
  private var concealer: LossConcealer
  private let buffer: UnsafeMutableBufferPointer<Int16>
  private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
  private var counters = PhoneLegStatistics()
  private var concealedCount = 0
  /// The end of the sound handed out, on the phone's own clock and line.
  private var soundEnd: (ssrc: UInt32, timestamp: UInt32)?
  private var newestSSRC: UInt32 = 0
  /// Silence to hand out in place of a digit.
  private var fillCount = 0
  /// Silence handed out so far, which the next gap or loss will report again.
  private var filledCount = 0

  /// Nil when memory is short.
  init?(_ media: PhoneMedia, policy: PhoneSourcePolicy, keysToldUntil: MonotonicTime?) {
    guard let concealer = LossConcealer() else { return nil }
    self.concealer = concealer
    self.media = media
    events = TelephoneEventReceiver(clockRateHz: 8000, toldElsewhereUntil: keysToldUntil)
    latch = SourceLatch(negotiated: media.remote, policy: policy.latchPolicy(for: media))
    buffer = .allocate(capacity: Self.maximumSampleCount)
    buffer.initialize(repeating: 0)
  }

  deinit { buffer.deallocate() }

  /// Where our packets go.
  var remote: Endpoint { latch.remote }

  /// The first samples of the last piece.
  func samples(_ count: Int) -> UnsafeBufferPointer<Int16> { UnsafeBufferPointer(rebasing: buffer[..<count]) }

  /// A key is held.
  func isDigitSounding(at now: MonotonicTime) -> Bool { events.isSounding(at: now) }

  mutating func renegotiate(_ media: PhoneMedia, policy: PhoneSourcePolicy) {
    self.media = media
    latch.move(to: media.remote, policy: policy.latchPolicy(for: media))
  }

  mutating func receive(_ packet: RawSpan, from source: Endpoint, at now: MonotonicTime) -> Arrival {
    guard case .rtp = DatagramKind(packet), let layout = RTPLayout.parse(packet) else { return refuse() }
    guard latch.check(source, layout.header, at: now) != .rejected else { return .stranger }
    guard media.receives else { return refuse() }
    counters.packetsReceived += 1
    counters.bytesReceived += UInt64(packet.byteCount)
    let payload = packet.extracting(layout.payload)
    switch layout.header.payloadType {
    case media.payloadType where (1...Self.maximumSampleCount).contains(payload.byteCount):
      receiveSound(layout.header, payload, at: now)
      return .sound
    case media.eventPayloadType:
      return .event(receiveEvent(layout.header, payload, at: now))
    case Self.comfortNoisePayloadType:
      reception.received(layout.header, payloadByteCount: payload.byteCount, at: now)
      _ = reorderer.skip(layout.header, at: now)
      return .sound
    default:
      return refuse()
    }
  }

  /// What comes next; call until nil. `samples` and `payload` are valid until the next call.
  mutating func next(at now: MonotonicTime) -> Piece? {
    if fillCount > 0 { return fill() }
    while let output = reorderer.next(at: now) {
      switch output {
      case .packet(let packet):
        if let piece = play(packet, at: now) { return piece }
      case .lost(let ticks):
        let count = min(withoutFilled(ticks), Self.maximumSampleCount)
        if count > 0 { return conceal(count, at: now) }
      case .gap(let ticks):
        let count = withoutFilled(ticks)
        if count > 0 { return .gap(count: count) }
      }
    }
    return nil
  }

  var statistics: PhoneLegStatistics {
    var statistics = counters
    statistics.packetsLost = Int64(clamping: reorderer.counters.lost)
    statistics.jitter = reception.jitter
    statistics.framesConcealed = UInt64(concealedCount / Mixer.frameSampleCount)
    statistics.packetsLateOrDuplicate = reorderer.counters.late + reorderer.counters.duplicate
    statistics.packetsFromStrangers = latch.rejectedPacketCount
    statistics.remote = latch.remote
    return statistics
  }

  private mutating func refuse() -> Arrival {
    counters.packetsRefused += 1
    return .refused
  }

  private mutating func receiveSound(_ header: RTPHeader, _ payload: RawSpan, at now: MonotonicTime) {
    reception.received(header, payloadByteCount: payload.byteCount, at: now)
    newestSSRC = header.ssrc
    _ = reorderer.insert(header, payload: payload, durationTicks: payload.byteCount, at: now)
  }

  private mutating func receiveEvent(_ header: RTPHeader, _ payload: RawSpan, at now: MonotonicTime) -> DTMFDigit? {
    guard let event = TelephoneEvent(payload) else { return nil }
    // All packets of an event carry its start; jitter is measured by what they tell of the present.
    var present = header
    present.timestamp &+= UInt32(event.durationTicks)
    reception.received(present, payloadByteCount: payload.byteCount, at: now)
    _ = reorderer.skip(header, at: now)
    var digit = events.receive(header, payload: payload, at: now)
    if digit != nil, digitRate.take(now: now) {
      counters.digitsReceived += 1
    } else if digit != nil {
      counters.digitsDropped += 1
      digit = nil
    }
    if let soundEnd, soundEnd.ssrc == header.ssrc {
      let elapsed = Int(Int32(bitPattern: present.timestamp &- soundEnd.timestamp))
      let missing = elapsed - filledCount
      if missing >= Mixer.frameSampleCount, missing <= 8000 { fillCount = min(missing, Self.maximumFillCount) }
    }
    return digit
  }

  /// A digit takes time of which the phone sends no sound: the room hears silence meanwhile.
  private mutating func fill() -> Piece {
    let count = fillCount
    fillCount = 0
    filledCount += count
    silence(count)
    return .sound(count: count, isPacket: false)
  }

  private mutating func withoutFilled(_ ticks: Int) -> Int {
    let filled = min(ticks, filledCount)
    filledCount -= filled
    return ticks - filled
  }

  /// Nil when the packet's time has been filled already.
  private mutating func play(_ packet: BufferedPacket, at now: MonotonicTime) -> Piece? {
    payload = reorderer.withPayload(of: packet) { payload in payload.withUnsafeBytes { $0 } }
    soundEnd = (newestSSRC, packet.timestamp &+ UInt32(truncatingIfNeeded: packet.durationTicks))
    let count = payload.count
    var samples = UnsafeMutableBufferPointer(rebasing: buffer[..<count]).mutableSpan
    let isDigit = events.isSounding(at: now)
    if isDigit { silence(count) } else { media.codec.law.decode(payload.bytes, into: &samples) }
    concealer.receive(&samples)
    let excess = min(filledCount, count)
    filledCount = 0
    guard excess > 0 else { return .sound(count: count, isPacket: !isDigit) }
    guard excess < count, let start = buffer.baseAddress else { return nil }
    start.update(from: start + excess, count: count - excess)
    return .sound(count: count - excess, isPacket: false)
  }

  private mutating func conceal(_ count: Int, at now: MonotonicTime) -> Piece {
    if events.isSounding(at: now) {
      silence(count)
    } else {
      var samples = UnsafeMutableBufferPointer(rebasing: buffer[..<count]).mutableSpan
      concealer.fill(&samples)
      concealedCount += count
    }
    return .sound(count: count, isPacket: false)
  }

  private func silence(_ count: Int) {
    UnsafeMutableBufferPointer(rebasing: buffer[..<count]).update(repeating: 0)
  }
}

extension PhoneMedia.Codec {
  var law: G711 { self == .pcmu ? .pcmu : .pcma }
}

extension PhoneSourcePolicy {
  func latchPolicy(for media: PhoneMedia) -> SourceLatch.Policy {
    switch self {
    case .negotiated: .negotiated
    case .negotiatedOrLearnedBehindNAT:
      media.mayBeBehindNAT ? .learn(preferring: media.signallingAddress) : .negotiatedAddress
    case .learned: .learn(preferring: media.signallingAddress)
    }
  }
}
