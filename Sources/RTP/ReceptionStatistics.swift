import Base

/// What a receiver knows about one source, for receiver reports and call records (RFC 3550 §6.4.1, §A.1, §A.3, §A.8).
public struct ReceptionStatistics: Sendable {
  public let clockRateHz: Int
  /// Packets received, duplicates and late ones included.
  public private(set) var packetCount: UInt64 = 0
  /// Payload bytes are the caller's to count; this is for `ReportBlock` users who want a rate.
  public private(set) var byteCount: UInt64 = 0

  private var baseSequence: Int64 = 0
  private var sequence = SequenceExtender()
  private var pastExpected: Int64 = 0
  private var expectedPrior: Int64 = 0
  private var receivedPrior: UInt64 = 0
  private var receivedSinceBase: UInt64 = 0
  private var pastReceived: UInt64 = 0
  private var suspectSequence: UInt16?
  private var ssrc: UInt32?

  private var transit: Int64?
  /// Jitter scaled by 16, as in RFC 3550 §A.8.
  private var scaledJitter: Int64 = 0

  private var lastSenderReport: UInt32 = 0
  private var lastSenderReportArrival: MonotonicTime?

  /// RFC 3550 §A.1: a larger step forward is a restart of the sender.
  private static let maximumDropout: Int64 = 3000
  private static let maximumMisorder: Int64 = 100

  public init(clockRateHz: Int) { self.clockRateHz = max(1, clockRateHz) }

  public mutating func received(_ header: RTPHeader, payloadByteCount: Int, at now: MonotonicTime) {
    if header.ssrc != ssrc { restart(at: header) }
    guard isPlausible(header) else { return }
    packetCount += 1
    receivedSinceBase += 1
    byteCount += UInt64(payloadByteCount)
    updateJitter(header.timestamp, at: now)
  }

  /// Keeps what the next report block says about the latest sender report (LSR and DLSR).
  public mutating func received(_ report: RTCP.SenderReport, at now: MonotonicTime) {
    lastSenderReport = UInt32(truncatingIfNeeded: report.ntpTimestamp >> 16)
    lastSenderReportArrival = now
  }

  /// Packets that should have come, over all sources.
  public var expectedPacketCount: Int64 { pastExpected + expectedSinceBase }

  /// Expected minus received. Negative when duplicates outnumber losses.
  public var lostPacketCount: Int64 {
    expectedPacketCount - Int64(pastReceived + receivedSinceBase)
  }

  /// Inter-arrival jitter in RTP clock ticks (RFC 3550 §6.4.1). Zero until the second packet.
  public var jitterTicks: UInt32 {
    UInt32(truncatingIfNeeded: min(scaledJitter >> 4, Int64(UInt32.max)))
  }

  /// Inter-arrival jitter as time.
  public var jitter: Duration {
    .nanoseconds(Int64(jitterTicks) * 1_000_000_000 / Int64(clockRateHz))
  }

  /// The block for the next report; the fraction lost counts from the previous call. Nil before the first packet.
  public mutating func reportBlock(at now: MonotonicTime) -> RTCP.ReportBlock? {
    guard let ssrc, let highest = sequence.highest else { return nil }
    let expected = expectedPacketCount
    let received = pastReceived + receivedSinceBase
    let expectedInterval = expected - expectedPrior
    let lostInterval = expectedInterval - Int64(received - receivedPrior)
    expectedPrior = expected
    receivedPrior = received
    let fraction =
      expectedInterval > 0 && lostInterval > 0 ? min(255, lostInterval * 256 / expectedInterval) : 0
    var delay: UInt32 = 0
    if let arrival = lastSenderReportArrival {
      let nanoseconds = max(0, (now - arrival).wholeNanoseconds)
      // Units of 1/65536 s; past 18 hours the field is full.
      let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
      delay = UInt32(clamping: (seconds << 16) + (rest << 16) / 1_000_000_000)
    }
    return RTCP.ReportBlock(
      ssrc: ssrc, fractionLost: UInt8(clamping: fraction),
      cumulativeLost: Int32(clamping: min(max(expected - Int64(received), -0x80_0000), 0x7F_FFFF)),
      highestSequence: UInt32(truncatingIfNeeded: highest), jitter: jitterTicks,
      lastSenderReport: lastSenderReport,
      delaySinceLastSenderReport: delay)
  }

  private var expectedSinceBase: Int64 {
    guard let highest = sequence.highest else { return 0 }
    return highest - baseSequence + 1
  }

  private mutating func isPlausible(_ header: RTPHeader) -> Bool {
    guard let highest = sequence.highest else {
      baseSequence = sequence.extend(header.sequenceNumber)
      return true
    }
    let step = sequence.extended(header.sequenceNumber) - highest
    if step < Self.maximumDropout, step > -Self.maximumMisorder {
      suspectSequence = nil
      _ = sequence.extend(header.sequenceNumber)
      return true
    }
    // RFC 3550 §A.1: two in a row make a restart, one alone is a stray.
    guard suspectSequence == header.sequenceNumber else {
      suspectSequence = header.sequenceNumber &+ 1
      return false
    }
    restart(at: header)
    return true
  }

  private mutating func restart(at header: RTPHeader) {
    if sequence.highest != nil {
      pastExpected += expectedSinceBase
      pastReceived += receivedSinceBase
    }
    ssrc = header.ssrc
    sequence = SequenceExtender()
    baseSequence = sequence.extend(header.sequenceNumber)
    receivedSinceBase = 0
    suspectSequence = nil
    transit = nil
    lastSenderReportArrival = nil
    lastSenderReport = 0
  }

  private mutating func updateJitter(_ timestamp: UInt32, at now: MonotonicTime) {
    let arrival = now.ticks(atHz: clockRateHz)
    // The difference is taken in 32 bits, as the timestamp wraps there.
    let relative = Int64(Int32(truncatingIfNeeded: arrival &- Int64(timestamp)))
    defer { transit = relative }
    guard let transit else { return }
    let change = Int64(Int32(truncatingIfNeeded: relative &- transit).magnitude)
    scaledJitter += change - (scaledJitter + 8) >> 4
  }
}
