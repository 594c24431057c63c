import Base

/// The decisions of each pull. All positions and delays are in ticks of the RTP clock.
extension JitterBuffer {
  /// A piece of concealment shorter than this is left out: 2.5 ms, the smallest that Opus can conceal.
  private var quantum: Int64 { Int64(configuration.clockRateHz) / 400 }
  private var marginTicks: Int64 { ticks(of: configuration.margin) }
  private var maximumTicks: Int64 { ticks(of: configuration.maximumDelay) }

  /// Arrival minus timestamp that a packet may have and still be in time.
  var targetTransit: Int64 {
    // A stall longer than the maximum delay is not made up for.
    min(arrivals.slowest + marginTicks, arrivals.latest + maximumTicks)
  }

  mutating func decide(at now: MonotonicTime, wanted: Int64) -> Playout {
    while true {
      guard let slot = slots.first(from: nextSequence) else { return starve(wanted) }
      let clock = now.ticks(atHz: configuration.clockRateHz)
      if slot.place.sequence > nextSequence, let piece = bridge(to: slot, clock, wanted) {
        return piece
      }
      let duration = Int64(slot.packet.durationTicks)
      let delay = clock - slot.place.timestamp - advance(wanted, duration)
      let isGap = slot.place.timestamp - soundEnd - concealedTicks >= quantum
      if isPaused || isGap, delay < targetTransit { return stretch(wanted) }
      let surplus = delay - targetTransit
      if surplus >= duration, mayDiscard(slot, surplus: surplus, at: now) {
        discard(slot)
        continue
      }
      return play(slot, isSurplus: surplus >= duration)
    }
  }

  mutating func makeRoom(for sequence: Int64) {
    while sequence - nextSequence >= Int64(packetCapacity) {
      guard dropOldest() else {
        counters.lost += UInt64(sequence - nextSequence)
        nextSequence = sequence
        return
      }
    }
  }

  /// Leaves out the oldest packet and what is missing before it. False when there is none.
  mutating func dropOldest() -> Bool {
    guard let slot = slots.first(from: nextSequence) else { return false }
    counters.overflowed += 1
    leaveOut(slot)
    return true
  }

  mutating func dropExcess() {
    // Some room above the greatest delay, so that a stream at that delay is not cut at each packet.
    let limit = maximumTicks + maximumTicks / 4
    while let first = slots.first(from: nextSequence), let last = slots.last(from: nextSequence),
      first.place.sequence < last.place.sequence
    {
      let span = last.place.timestamp + Int64(last.packet.durationTicks) - first.place.timestamp
      guard max(span, slots.heldTicks) > limit else { return }
      _ = dropOldest()
    }
  }

  func duration(of ticks: Int64) -> Duration {
    .nanoseconds(ticks * 1_000_000 / Int64(configuration.clockRateHz) * 1000)
  }

  private func ticks(of duration: Duration) -> Int64 {
    duration.wholeNanoseconds / 1000 * Int64(configuration.clockRateHz) / 1_000_000
  }

  /// Nothing is here: conceal, and play what comes later when it comes.
  private mutating func starve(_ wanted: Int64) -> Playout {
    isPaused = true
    // Silence counts too: what was sent in the meantime and lost is not concealed once more.
    defer { concealedTicks += wanted }
    return stretch(wanted)
  }

  /// Conceals without passing over any sound of the stream: the delay grows.
  private mutating func stretch(_ wanted: Int64) -> Playout {
    let hasFaded = concealedTicks >= ticks(of: configuration.concealmentLimit)
    return counters.played == 0 || hasFaded ? .silence : conceal(wanted, successor: nil)
  }

  /// How much less than this one a packet of the same length is delayed that is pulled least in time. Packets that do
  /// not fill ticks evenly are pulled ahead of their sound, by a different length at each tick.
  private func advance(_ wanted: Int64, _ duration: Int64) -> Int64 {
    var (divisor, rest) = (Int64(configuration.clockRateHz) / 50, duration)
    while rest > 0 { (divisor, rest) = (rest, divisor % rest) }
    return wanted - divisor + (divisor - wanted % divisor) % divisor
  }

  /// A piece of the sound that is missing before `slot`. Nil when all of it has been concealed.
  private mutating func bridge(to slot: PacketSlots.Slot, _ clock: Int64, _ wanted: Int64)
    -> Playout?
  {
    let missingCount = slot.place.sequence - nextSequence
    let missing =
      min(slot.place.timestamp - soundEnd, missingCount * lastDurationTicks) - concealedTicks
    guard missing >= quantum else { return nil }
    // Packets have lately been later than this one is: it may still come, so time is stretched for it.
    if clock - soundEnd - concealedTicks < targetTransit - wanted { return stretch(wanted) }
    let longest = min(wanted, missing)
    let piece = longest > quantum ? longest - longest % quantum : longest
    concealedTicks += piece
    let isLast = missing - piece < quantum && missing <= lastDurationTicks
    return conceal(piece, successor: isLast ? slot.packet : nil)
  }

  private mutating func conceal(_ ticks: Int64, successor: BufferedPacket?) -> Playout {
    counters.concealedTicks += UInt64(ticks)
    return .conceal(ticks: Int(ticks), successor: successor)
  }

  private mutating func play(_ slot: PacketSlots.Slot, isSurplus: Bool) -> Playout {
    counters.played += 1
    passOver(slot)
    isPaused = false
    var packet = slots.take(slot)
    packet.isSurplus = isSurplus
    return .packet(packet)
  }

  /// Silence may go at once; loud sound only when much too much waits, and seldom.
  private mutating func mayDiscard(_ slot: PacketSlots.Slot, surplus: Int64, at now: MonotonicTime)
    -> Bool
  {
    guard slots.first(from: slot.place.sequence + 1) != nil else { return false }
    if slot.packet.isSilent { return true }
    guard surplus >= Int64(configuration.clockRateHz) / 10, now - lastLoudDiscard >= .seconds(2)
    else { return false }
    lastLoudDiscard = now
    return true
  }

  private mutating func discard(_ slot: PacketSlots.Slot) {
    counters.discarded += 1
    leaveOut(slot)
  }

  private mutating func leaveOut(_ slot: PacketSlots.Slot) {
    passOver(slot)
    let packet = slots.take(slot)
    slots.release(packet.handle)
  }

  private mutating func passOver(_ slot: PacketSlots.Slot) {
    counters.lost += UInt64(max(0, slot.place.sequence - nextSequence))
    nextSequence = slot.place.sequence + 1
    soundEnd = slot.place.timestamp + Int64(slot.packet.durationTicks)
    lastDurationTicks = Int64(slot.packet.durationTicks)
    concealedTicks = 0
  }
}
