import Base

/// Adaptive playout of one room track. Its delay follows what the arrival of packets demands: it grows at once when
/// sound is late (concealment stretches time, it never shortens it) and shrinks again in silence. No clock, no
/// allocation after init.
///
/// The caller pulls sound on its own tick, and keeps what is left of a decoded packet for the next tick:
///
///     while decodedTicks < tickTicks {
///       switch buffer.next(at: now, wanted: tickTicks - decodedTicks) { … }
///     }
public struct JitterBuffer: ~Copyable {
  public struct Configuration: Sendable {
    /// 48,000 for Opus, 8000 for PCMU (RFC 7587 §4.1, RFC 3551 §4.5.14).
    public var clockRateHz: Int
    /// Packets that may wait. Further ones push the oldest out.
    public var packetCapacity = 128
    public var byteCapacity = 24 * 1024
    /// More sound than this is never held: the oldest is dropped.
    public var maximumDelay = Duration.milliseconds(1000)
    /// What is kept beyond the worst arrival of the last seconds.
    public var margin = Duration.milliseconds(5)
    /// A stream that pauses for longer than this plays silence.
    public var concealmentLimit = Duration.milliseconds(500)

    public init(clockRateHz: Int) { self.clockRateHz = max(1000, min(clockRateHz, 192_000)) }
  }

  /// What plays next.
  public enum Playout: Hashable, Sendable {
    case packet(BufferedPacket)
    /// Conceal so many RTP clock ticks, at most what was wanted, and a multiple of 2.5 ms when that was one. `successor` is the packet
    /// right behind the lost one when it is here already: Opus may hold a copy of the lost sound (RFC 6716 §2.1.7).
    case conceal(ticks: Int, successor: BufferedPacket?)
    /// Nothing has come yet, or the track has paused: silence for the rest of this tick.
    case silence
  }

  public struct Counters: Hashable, Sendable {
    public var played: UInt64 = 0
    /// Packets that never came.
    public var lost: UInt64 = 0
    /// Packets that came when their turn had passed.
    public var late: UInt64 = 0
    public var duplicate: UInt64 = 0
    public var ignored: UInt64 = 0
    /// Packets left out to shorten the delay.
    public var discarded: UInt64 = 0
    /// Packets dropped because more than `maximumDelay` was waiting.
    public var overflowed: UInt64 = 0
    /// Ticks of the RTP clock played without a packet, silence before the first and after a pause excepted.
    public var concealedTicks: UInt64 = 0

    public init() {}
  }

  public internal(set) var counters = Counters()
  let configuration: Configuration
  let packetCapacity: Int
  var slots: PacketSlots
  var arrivals: ArrivalWindow
  private var timeline: StreamTimeline

  var hasStarted = false
  /// The packet to play next.
  var nextSequence: Int64 = 0
  /// The end of the sound of the packet played last, on the line of the stream.
  var soundEnd: Int64 = 0
  var lastDurationTicks: Int64 = 0
  /// Concealed since the packet played last, in place of sound of the stream.
  var concealedTicks: Int64 = 0
  /// True when nothing plays: the next packet waits until the delay is right again.
  var isPaused = true
  var lastLoudDiscard = MonotonicTime(nanoseconds: .min / 2)
  private var handedOut: Int32?

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    packetCapacity = max(1, min(configuration.packetCapacity, 4096))
    slots = PacketSlots(packetCapacity: packetCapacity, byteCapacity: configuration.byteCapacity)
    arrivals = ArrivalWindow()
    timeline = StreamTimeline(clockRateHz: configuration.clockRateHz)
  }

  /// Changes of source, jumps in sequence and jumps in time that were bridged.
  public var restartCount: Int { timeline.restartCount }

  /// The delay that recent arrivals demand, beyond that of the fastest packet.
  public var targetDelay: Duration { duration(of: max(0, targetTransit - arrivals.fastest)) }

  /// Sound that waits.
  public var bufferedDuration: Duration { duration(of: slots.heldTicks) }

  /// Takes a packet with `durationTicks` of sound (for Opus: RFC 6716 §3.1). `isSilent`: a discontinuous-transmission
  /// packet, or one whose audio level (RFC 6464) says that nobody would miss it.
  public mutating func insert(
    _ header: RTPHeader, payload: RawSpan, durationTicks: Int, isSilent: Bool = false,
    at now: MonotonicTime
  ) -> PacketInsertion {
    let bounded = min(max(1, durationTicks), configuration.clockRateHz / 4)
    guard let place = timeline.place(header, durationTicks: bounded, at: now) else {
      counters.ignored += 1
      return .ignored
    }
    if slots.holdsOrHeld(place.sequence) {
      counters.duplicate += 1
      return .duplicate
    }
    let transit = now.ticks(atHz: configuration.clockRateHz) - place.timestamp
    // Before anything has played, an earlier packet is a better start.
    if !hasStarted
      || (counters.played == 0 && place.sequence < nextSequence && canReach(back: place.sequence))
    {
      hasStarted = true
      nextSequence = place.sequence
      soundEnd = place.timestamp
      lastDurationTicks = Int64(bounded)
    }
    guard place.sequence >= nextSequence else { return comesLate(place, transit, at: now) }
    arrivals.record(transit, at: now)
    let packet = BufferedPacket(
      marker: header.marker, payloadType: header.payloadType, timestamp: header.timestamp,
      durationTicks: bounded,
      isSilent: isSilent, isSurplus: false, handle: -1)
    makeRoom(for: place.sequence)
    while !slots.insert(packet, place, payload: payload) {
      guard dropOldest() else {
        counters.ignored += 1
        return .ignored
      }
    }
    dropExcess()
    return .accepted
  }

  /// The next piece of sound, when the caller lacks `wanted` ticks for its tick (1...one tick). A packet may be
  /// longer; its payload is valid until the next call of `next`.
  public mutating func next(at now: MonotonicTime, wanted: Int) -> Playout {
    if let handle = handedOut { slots.release(handle) }
    handedOut = nil
    let playout = decide(at: now, wanted: Int64(max(1, wanted)))
    if case .packet(let packet) = playout { handedOut = packet.handle }
    return playout
  }

  /// Lends the bytes of a packet that `next` handed out.
  public func withPayload<Result>(of packet: BufferedPacket, _ body: (RawSpan) -> Result) -> Result {
    slots.withPayload(of: packet, body)
  }

  private mutating func comesLate(
    _ place: StreamTimeline.Place, _ transit: Int64, at now: MonotonicTime
  ) -> PacketInsertion {
    // One straggler must not stretch the delay by all its lateness; many of them do so step by step.
    arrivals.record(min(transit, arrivals.slowest + Int64(configuration.clockRateHz) / 25), at: now)
    // Only the first copy is late; a copy of a packet that played is a duplicate, which `slots` knows.
    slots.noteLate(place.sequence)
    counters.late += 1
    return .late
  }

  private func canReach(back sequence: Int64) -> Bool {
    slots.last(from: nextSequence).map { $0.place.sequence - sequence < Int64(packetCapacity) }
      ?? true
  }
}
