import Base

/// Places the packets of one stream on one continuous line, though the sender may change its SSRC, jump in sequence
/// or in time, or start again (RFC 3550 §A.1, §8.2).
struct StreamTimeline: Sendable {
  struct Place {
    /// Grows by one from packet to packet, over all restarts.
    var sequence: Int64
    /// In RTP clock ticks. Where the sender's clock jumped without cause, it goes on from the previous packet.
    var timestamp: Int64
  }

  /// The newest packet with sound: `newest.timestamp` is its place in time.
  private struct Sound {
    var sequence: Int64 = 0
    var timestamp: UInt32 = 0
    var durationTicks: Int64 = 0
    var arrival = MonotonicTime.zero
  }

  /// RFC 3550 §A.1.
  private static let maximumDropout = 3000
  private static let maximumMisorder = 100
  /// For so long after a change of source, packets of the old one are stragglers.
  private static let stragglerTime = Duration.milliseconds(200)
  /// Packets that go back in sequence, when nothing new has come for so long, are a replay and not reordered.
  private static let replayTime = Duration.milliseconds(250)
  /// A step in time that the wall clock does not explain by this much is a jump, not silence.
  private static let tolerance = Duration.seconds(1)

  private let clockRateHz: Int
  private var ssrc: UInt32 = 0
  private var retiredSSRC: UInt32?
  private var hasStarted = false
  private var newest = Place(sequence: 0, timestamp: 0)
  private var newestNumber: UInt16 = 0
  private var newestArrival = MonotonicTime.zero
  private var newestSound = Sound()
  private var suspectNumber: UInt16?
  private var oldNumber: UInt16?
  private var oldRunCount = 0
  private(set) var restartCount = 0

  init(clockRateHz: Int) { self.clockRateHz = clockRateHz }

  /// `durationTicks` is the packet's sound; nil for a packet without sound, whose timestamp is not on the line.
  /// Nil: ignore the packet.
  mutating func place(_ header: RTPHeader, durationTicks: Int?, at now: MonotonicTime) -> Place? {
    guard hasStarted else { return restart(header, durationTicks, at: now) }
    if header.ssrc != ssrc {
      if header.ssrc == retiredSSRC, now - newestArrival < Self.stragglerTime { return nil }
      // A packet without sound does not make a stream the one to hear.
      guard durationTicks != nil else { return nil }
      retiredSSRC = ssrc
      return restart(header, durationTicks, at: now)
    }
    let step = Int(Int16(bitPattern: header.sequenceNumber &- newestNumber))
    if step > 0, step < Self.maximumDropout { return advance(header, step, durationTicks, at: now) }
    if step <= 0, step > -Self.maximumMisorder {
      return isReplay(header, at: now) ? restart(header, durationTicks, at: now) : old(header, step)
    }
    guard suspectNumber == header.sequenceNumber else {
      suspectNumber = header.sequenceNumber &+ 1
      return nil
    }
    return restart(header, durationTicks, at: now)
  }

  private mutating func advance(
    _ header: RTPHeader, _ step: Int, _ durationTicks: Int?, at now: MonotonicTime
  ) -> Place {
    newest.sequence += Int64(step)
    newestNumber = header.sequenceNumber
    suspectNumber = nil
    oldRunCount = 0
    if let durationTicks { advanceSound(header, durationTicks, at: now) }
    newestArrival = now
    return newest
  }

  private mutating func advanceSound(
    _ header: RTPHeader, _ durationTicks: Int, at now: MonotonicTime
  ) {
    let elapsed = elapsedTicks(until: now)
    let usual = newestSound.durationTicks * (newest.sequence - newestSound.sequence)
    let ticks = Int64(Int32(bitPattern: header.timestamp &- newestSound.timestamp))
    let limit = usual + elapsed + Self.tolerance.wholeMilliseconds * Int64(clockRateHz) / 1000
    newest.timestamp += (0...limit).contains(ticks) ? ticks : max(usual, unexplained(elapsed))
    remember(header, durationTicks, at: now)
  }

  private mutating func remember(_ header: RTPHeader, _ durationTicks: Int, at now: MonotonicTime) {
    newestSound = Sound(
      sequence: newest.sequence, timestamp: header.timestamp, durationTicks: Int64(durationTicks),
      arrival: now)
  }

  private func old(_ header: RTPHeader, _ step: Int) -> Place {
    let ticks = Int64(Int32(bitPattern: header.timestamp &- newestSound.timestamp))
    return Place(
      sequence: newest.sequence + Int64(step), timestamp: newest.timestamp + min(0, ticks))
  }

  private mutating func restart(_ header: RTPHeader, _ durationTicks: Int?, at now: MonotonicTime)
    -> Place
  {
    if hasStarted {
      newest.sequence += 1
      newest.timestamp += max(newestSound.durationTicks, unexplained(elapsedTicks(until: now)))
      restartCount += 1
    }
    hasStarted = true
    ssrc = header.ssrc
    newestNumber = header.sequenceNumber
    newestArrival = now
    remember(header, durationTicks ?? 0, at: now)
    suspectNumber = nil
    oldRunCount = 0
    return newest
  }

  private func elapsedTicks(until now: MonotonicTime) -> Int64 {
    max(0, now.ticks(atHz: clockRateHz) - newestSound.arrival.ticks(atHz: clockRateHz))
  }

  /// Elapsed ticks that are more than jitter: the stream paused, and its line must not lose that time.
  private func unexplained(_ elapsed: Int64) -> Int64 {
    elapsed > Int64(clockRateHz) / 5 ? elapsed : 0
  }

  /// Three packets in sequence that all go back, while no newer one has come for a while.
  private mutating func isReplay(_ header: RTPHeader, at now: MonotonicTime) -> Bool {
    oldRunCount = oldNumber.map { $0 &+ 1 == header.sequenceNumber } == true ? oldRunCount + 1 : 1
    oldNumber = header.sequenceNumber
    return oldRunCount >= 3 && now - newestArrival > Self.replayTime
  }
}
