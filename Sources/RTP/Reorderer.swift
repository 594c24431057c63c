import Base

/// Puts one phone's packets in order without playout delay: a packet in turn passes at once, one that comes early
/// waits for those before it, and after a while they are declared lost. No clock, no allocation after init.
///
///     _ = reorderer.insert(layout.header, payload: …, durationTicks: 160, at: now)
///     while let output = reorderer.next(at: now) { … }   // again on each 20 ms tick
public struct Reorderer: ~Copyable {
  public struct Configuration: Sendable {
    public var clockRateHz = 8000
    /// Packets that may wait; further ones release the oldest.
    public var packetCapacity = 8
    public var byteCapacity = 8 * 1024
    /// The wait for a missing packet adapts between these: it shrinks when missing packets stay away and grows to
    /// what late ones would have needed.
    public var minimumWait = Duration.milliseconds(20)
    public var maximumWait = Duration.milliseconds(60)
    /// A longer loss is reported as a gap from here on: concealment fades to silence well before.
    public var maximumLoss = Duration.milliseconds(200)

    public init(clockRateHz: Int = 8000) { self.clockRateHz = clockRateHz }
  }

  /// What comes next on the stream's line of time.
  public enum Output: Hashable, Sendable {
    case packet(BufferedPacket)
    /// Sound that was sent and did not come: conceal it.
    case lost(ticks: Int)
    /// Time in which the phone sent no sound (silence suppression, a telephone event, a pause).
    case gap(ticks: Int)
  }

  public struct Counters: Hashable, Sendable {
    /// Packets that came after one with a higher number, and still in time.
    public var reordered: UInt64 = 0
    /// Packets given up.
    public var lost: UInt64 = 0
    /// Packets that came after they were given up.
    public var late: UInt64 = 0
    public var duplicate: UInt64 = 0
    public var ignored: UInt64 = 0

    public init() {}
  }

  private struct Held {
    var place: StreamTimeline.Place
    var packet: BufferedPacket
    var hasSound: Bool
    var arrival: MonotonicTime
  }

  public private(set) var counters = Counters()
  /// The present wait for a missing packet.
  public private(set) var wait: Duration

  private let configuration: Configuration
  private let held: UnsafeMutablePointer<Held>
  private var heldCount = 0
  private var ring: PacketRing
  private var timeline: StreamTimeline
  private var hasStarted = false
  private var nextSequence: Int64 = 0
  /// The end of the sound delivered so far. Nil before the first.
  private var soundEnd: Int64?
  private var lastDurationTicks = 0
  /// Packets given up since the last one that had sound.
  private var missingCount: Int64 = 0
  private var pendingLossTicks = 0
  private var pendingGapTicks = 0
  /// Bit n: the packet n + 1 before `nextSequence` came in time.
  private var history: UInt64 = 0
  private var lastGivenUpSince: MonotonicTime?
  private var handedOut: Int32?

  public init(_ configuration: Configuration = Configuration()) {
    self.configuration = configuration
    wait = configuration.maximumWait
    held = .allocate(capacity: max(1, configuration.packetCapacity))
    ring = PacketRing(byteCount: configuration.byteCapacity)
    timeline = StreamTimeline(clockRateHz: max(1, configuration.clockRateHz))
  }

  deinit { held.deallocate() }

  /// Changes of source, jumps in sequence and jumps in time that were bridged.
  public var restartCount: Int { timeline.restartCount }

  /// When `next` will give up the packet it waits for. Nil when it waits for none.
  public var deadline: MonotonicTime? { firstHeldArrival.map { $0 + wait } }

  /// Takes a packet with `durationTicks` of sound.
  public mutating func insert(
    _ header: RTPHeader, payload: RawSpan, durationTicks: Int, isSilent: Bool = false,
    at now: MonotonicTime
  ) -> PacketInsertion {
    releaseHandedOut()
    let bounded = min(max(0, durationTicks), configuration.clockRateHz / 2)
    guard let place = timeline.place(header, durationTicks: bounded, at: now) else {
      return ignore()
    }
    if let refused = admit(place, at: now) { return refused }
    guard let handle = ring.append(payload) else { return ignore() }
    let packet = BufferedPacket(
      marker: header.marker, payloadType: header.payloadType, timestamp: header.timestamp,
      durationTicks: bounded,
      isSilent: isSilent, isSurplus: false, handle: handle)
    hold(Held(place: place, packet: packet, hasSound: true, arrival: now))
    return .accepted
  }

  /// Takes note of a packet of this stream that carries no sound (telephone event, comfort noise), so that its
  /// number is not held to be lost. One of another source is ignored.
  public mutating func skip(_ header: RTPHeader, at now: MonotonicTime) -> PacketInsertion {
    releaseHandedOut()
    guard hasStarted, let place = timeline.place(header, durationTicks: nil, at: now) else {
      return ignore()
    }
    if let refused = admit(place, at: now) { return refused }
    let packet = BufferedPacket(
      marker: false, payloadType: header.payloadType, timestamp: header.timestamp, durationTicks: 0,
      isSilent: true,
      isSurplus: false, handle: -1)
    hold(Held(place: place, packet: packet, hasSound: false, arrival: now))
    return .accepted
  }

  /// What comes next; call until nil. The payload of a packet is valid until the next call of any method but
  /// `withPayload`.
  public mutating func next(at now: MonotonicTime) -> Output? {
    releaseHandedOut()
    while pendingLossTicks == 0, pendingGapTicks == 0 {
      guard let index = firstHeldIndex else { return nil }
      let sequence = held[index].place.sequence
      if sequence > nextSequence {
        guard isOverdue(at: now) else { return nil }
        giveUp(upTo: sequence)
      }
      if !held[index].hasSound {
        pass(index)
        continue
      }
      if missingCount > 0 || soundEnd.map({ $0 < held[index].place.timestamp }) == true {
        measureAbsence(before: held[index].place)
        continue
      }
      return deliver(index)
    }
    if pendingLossTicks > 0 {
      defer { pendingLossTicks = 0 }
      return .lost(ticks: pendingLossTicks)
    }
    defer { pendingGapTicks = 0 }
    return .gap(ticks: pendingGapTicks)
  }

  /// Lends the bytes of a packet that `next` handed out.
  public func withPayload<Result>(of packet: BufferedPacket, _ body: (RawSpan) -> Result) -> Result {
    ring.withBytes(of: packet.handle, body)
  }
}

extension Reorderer {
  private var firstHeldIndex: Int? {
    var first: Int?
    for index in 0..<heldCount
    where first.map({ held[index].place.sequence < held[$0].place.sequence }) ?? true {
      first = index
    }
    return first
  }

  private var firstHeldArrival: MonotonicTime? {
    var first: MonotonicTime?
    for index in 0..<heldCount where first.map({ held[index].arrival < $0 }) ?? true {
      first = held[index].arrival
    }
    return first
  }

  private mutating func ignore() -> PacketInsertion {
    counters.ignored += 1
    return .ignored
  }

  /// Nil when the packet may be held.
  private mutating func admit(_ place: StreamTimeline.Place, at now: MonotonicTime)
    -> PacketInsertion?
  {
    if !hasStarted {
      hasStarted = true
      nextSequence = place.sequence
    }
    if place.sequence < nextSequence {
      let age = nextSequence - place.sequence - 1
      if age < 64, history & (1 << UInt64(age)) == 0 {
        history |= 1 << UInt64(age)
        counters.late += 1
        if let lastGivenUpSince { raiseWait(to: now - lastGivenUpSince) }
        return .late
      }
      counters.duplicate += 1
      return .duplicate
    }
    for index in 0..<heldCount where held[index].place.sequence == place.sequence {
      counters.duplicate += 1
      return .duplicate
    }
    guard heldCount < max(1, configuration.packetCapacity) else { return ignore() }
    if let since = firstHeldArrival, let first = firstHeldIndex,
      place.sequence < held[first].place.sequence
    {
      counters.reordered += 1
      raiseWait(to: now - since)
    }
    return nil
  }

  private mutating func raiseWait(to needed: Duration) {
    // Ten milliseconds beyond what was needed this time.
    wait = min(configuration.maximumWait, max(wait, needed + .milliseconds(10)))
  }

  private mutating func hold(_ entry: Held) {
    (held + heldCount).initialize(to: entry)
    heldCount += 1
  }

  private mutating func isOverdue(at now: MonotonicTime) -> Bool {
    if heldCount >= max(1, configuration.packetCapacity) { return true }
    return deadline.map { now >= $0 } ?? false
  }

  private mutating func giveUp(upTo sequence: Int64) {
    let count = sequence - nextSequence
    missingCount += count
    counters.lost += UInt64(count)
    history = count < 64 ? history << UInt64(count) : 0
    nextSequence = sequence
    lastGivenUpSince = firstHeldArrival
    wait = max(configuration.minimumWait, wait - .milliseconds(10))
  }

  /// Splits the time between the sound delivered and the next packet into what was lost and what was never sent.
  private mutating func measureAbsence(before place: StreamTimeline.Place) {
    let absent = soundEnd.map { max(0, place.timestamp - $0) } ?? 0
    let limit =
      configuration.maximumLoss.wholeMilliseconds * Int64(configuration.clockRateHz) / 1000
    let lost = min(absent, missingCount * Int64(lastDurationTicks), limit)
    pendingLossTicks = Int(lost)
    pendingGapTicks = Int(absent - lost)
    missingCount = 0
    soundEnd = place.timestamp
  }

  private mutating func deliver(_ index: Int) -> Output {
    let entry = held[index]
    soundEnd = entry.place.timestamp + Int64(entry.packet.durationTicks)
    lastDurationTicks = entry.packet.durationTicks
    handedOut = entry.packet.handle
    pass(index)
    return .packet(entry.packet)
  }

  private mutating func pass(_ index: Int) {
    nextSequence += 1
    history = history << 1 | 1
    heldCount -= 1
    held[index] = held[heldCount]
  }

  private mutating func releaseHandedOut() {
    if let handle = handedOut { ring.release(handle) }
    handedOut = nil
  }
}
