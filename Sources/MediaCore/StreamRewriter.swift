import Base
import RTP

/// Makes one RTP stream of sources that follow one another: sequence numbers go on without a gap, timestamps by the
/// time that passed. Losses and reordering within a source stay visible to the receiver.
///
/// No number is ever given twice, because SRTP must not protect two packets under one index.
struct StreamRewriter {
  struct Position {
    var sequenceNumber: UInt16
    var timestamp: UInt32
    /// The first packet of a source: the marker bit is due.
    var startsSource: Bool
  }

  /// RFC 3550 §A.1: a larger step is a restart of the sender, not a loss.
  private static let maximumDropout: Int64 = 3000
  /// Older packets are of no use to any receiver, and SRTP's replay window ends there.
  private static let maximumMisorder: Int64 = 100

  private let clockRateHz: Int64
  private var source: UInt32?
  private var input = SequenceExtender()
  /// First number of the present source; earlier ones came before the change and would collide.
  private var firstInput: Int64 = 0
  private var sequenceOffset: Int64 = 0
  private var timestampOffset: UInt32 = 0
  private var nextSequence: Int64
  private var last: (timestamp: UInt32, sentAt: MonotonicTime)?

  init(clockRateHz: Int, firstSequenceNumber: UInt16) {
    self.clockRateHz = Int64(clockRateHz)
    nextSequence = Int64(firstSequenceNumber)
  }

  /// The next packet starts a source, even if its SSRC is the present one: it was muted or somebody else's turn.
  mutating func endSource() { source = nil }

  /// Timestamp that a packet sent at `now` would have, for sender reports. Nil before the first packet.
  func timestamp(at now: MonotonicTime) -> UInt32? {
    guard let last else { return nil }
    return last.timestamp &+ UInt32(truncatingIfNeeded: ticks(now - last.sentAt))
  }

  /// Nil for a packet that is too old to be placed.
  mutating func rewrite(_ header: RTPHeader, at now: MonotonicTime) -> Position? {
    var startsSource = header.ssrc != source
    if !startsSource, let highest = input.highest {
      let number = input.extended(header.sequenceNumber)
      if number - highest > Self.maximumDropout || number - highest < -Self.maximumDropout {
        startsSource = true
      } else if number < firstInput || number - highest < -Self.maximumMisorder {
        return nil
      }
    }
    if startsSource { start(header, at: now) }
    let number = input.extend(header.sequenceNumber) + sequenceOffset
    let timestamp = header.timestamp &+ timestampOffset
    if number >= nextSequence {
      nextSequence = number + 1
      last = (timestamp, now)
    }
    return Position(
      sequenceNumber: UInt16(truncatingIfNeeded: number), timestamp: timestamp, startsSource: startsSource)
  }

  private mutating func start(_ header: RTPHeader, at now: MonotonicTime) {
    source = header.ssrc
    input = SequenceExtender()
    firstInput = input.extend(header.sequenceNumber)
    sequenceOffset = nextSequence - firstInput
    guard let last else { return }
    // At least one packet of 20 ms, or two sources would share a timestamp.
    let passed = max(ticks(now - last.sentAt), clockRateHz / 50)
    timestampOffset = last.timestamp &+ UInt32(truncatingIfNeeded: passed) &- header.timestamp
  }

  private func ticks(_ duration: Duration) -> Int64 {
    let (seconds, rest) = duration.wholeNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return seconds &* clockRateHz &+ rest * clockRateHz / 1_000_000_000
  }
}
