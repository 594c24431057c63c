import Base
import RTP

/// One RTP stream towards one WebRTC peer: it carries one track at a time.
struct SentTrack: ~Copyable {
  let ssrc: UInt32
  let payloadType: UInt8
  let codec: TrackCodec
  /// What it was asked to be.
  let options: SendTrack
  private let extensions: HeaderExtensions?
  /// Nil while the stream is nobody's: it keeps its place in sequence for the next track.
  private(set) var track: TrackID?
  /// A packet of `track` has left.
  private(set) var isFlowing = false
  private(set) var statistics = SentTrackStatistics()
  private var rewriter: StreamRewriter
  private var retransmission = RetransmissionBuffer()
  private var payloadByteCount: UInt32 = 0

  /// `firstSequenceNumber` should be random and below 2^15, so that the first packets cannot wrap (RFC 3711 §3.3.1).
  init(_ options: SendTrack, firstSequenceNumber: UInt16) {
    ssrc = options.ssrc
    payloadType = options.payloadType
    codec = options.codec
    self.options = options
    var mid: MidExtension?
    if let id = options.midExtensionID, let text = options.mid { mid = MidExtension(id: id, mid: text) }
    extensions = HeaderExtensions(mid: mid, levelID: options.levelExtensionID)
    rewriter = StreamRewriter(clockRateHz: options.codec.clockRateHz, firstSequenceNumber: firstSequenceNumber)
  }

  mutating func carry(_ track: TrackID?) {
    rewriter.endSource()
    self.track = track
    isFlowing = false
  }

  /// The track pauses; what comes after is joined without a gap in sequence.
  mutating func endSource() { rewriter.endSource() }

  /// Writes one packet of the track and returns its length. Nil when it is too old or does not fit. `level` is how far
  /// below full scale its sound is, in decibels, if that is known.
  mutating func write(
    _ header: RTPHeader, payload: RawSpan, level: UInt8?, at now: MonotonicTime, into packet: inout MutableRawSpan
  ) -> (byteCount: Int, sequenceNumber: UInt16)? {
    guard let position = rewriter.rewrite(header, at: now) else { return nil }
    let rewritten = RTPHeader(
      marker: header.marker || position.startsSource, payloadType: payloadType, sequenceNumber: position.sequenceNumber,
      timestamp: position.timestamp, ssrc: ssrc)
    let headerByteCount: Int
    if let extensions {
      headerByteCount = rewritten.write(
        into: &packet, extensions: extensions, level: level, hasVoice: level.map { $0 <= LevelMeter.threshold } ?? false
      )
    } else {
      headerByteCount = rewritten.write(into: &packet)
    }
    let byteCount = headerByteCount + payload.byteCount
    guard headerByteCount > 0, byteCount <= packet.byteCount else { return nil }
    packet.copy(payload, at: headerByteCount)
    payloadByteCount &+= UInt32(truncatingIfNeeded: payload.byteCount)
    return (byteCount, position.sequenceNumber)
  }

  /// Keeps the protected packet for NACKs, and counts it.
  mutating func sent(_ packet: RawSpan, sequenceNumber: UInt16) {
    retransmission.insert(sequenceNumber: sequenceNumber, packet: packet)
    statistics.packetsSent += 1
    statistics.bytesSent += UInt64(packet.byteCount)
    isFlowing = true
  }

  /// Copies a packet that went out before, as it was protected then. Zero when it is gone.
  mutating func copyForRetransmission(_ sequenceNumber: UInt16, into slot: UnsafeMutableRawBufferPointer) -> Int {
    var byteCount = 0
    let isKnown = retransmission.withPacket(sequenceNumber) { packet in
      var span = slot.mutableBytes
      guard packet.byteCount <= span.byteCount else { return }
      span.copy(packet, at: 0)
      byteCount = packet.byteCount
    }
    guard isKnown, byteCount > 0 else { return 0 }
    statistics.packetsRetransmitted += 1
    return byteCount
  }

  /// Nil before the first packet, and while the stream is nobody's.
  func senderReport(at now: MonotonicTime, ntpTimestamp: UInt64) -> RTCP.SenderReport? {
    guard track != nil, let timestamp = rewriter.timestamp(at: now) else { return nil }
    return RTCP.SenderReport(
      ssrc: ssrc, ntpTimestamp: ntpTimestamp, rtpTimestamp: timestamp,
      packetCount: UInt32(truncatingIfNeeded: statistics.packetsSent), octetCount: payloadByteCount)
  }

  /// What the peer says of this stream.
  mutating func received(_ block: RTCP.ReportBlock, ntpTimestamp: UInt64) {
    statistics.packetsLost = Int64(block.cumulativeLost)
    statistics.recentLoss = Float(block.fractionLost) / 256
    statistics.jitter = .nanoseconds(Int64(block.jitter) * 1_000_000_000 / Int64(codec.clockRateHz))
    guard block.lastSenderReport != 0 else { return }
    // RFC 3550 §6.4.1, all in units of 1/65536 s.
    let now = UInt32(truncatingIfNeeded: ntpTimestamp >> 16)
    let roundTrip = now &- block.lastSenderReport &- block.delaySinceLastSenderReport
    // Beyond this the subtraction wrapped: the peer's clock of the delay runs faster than ours.
    guard roundTrip < 60 << 16 else { return }
    statistics.roundTripTime = .nanoseconds(Int64(roundTrip) * 1_000_000_000 >> 16)
  }
}
