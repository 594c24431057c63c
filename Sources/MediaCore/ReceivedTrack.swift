import Audio
import Base
import RTP

/// One RTP stream that a WebRTC peer publishes: how its packets are known, and how they arrive.
struct ReceivedTrack: ~Copyable {
  /// Nil until a packet has told it.
  var ssrc: UInt32?
  let payloadType: UInt8
  let codec: TrackCodec
  let source: UnsafeMutablePointer<TrackSource>
  private let announcedSSRC: UInt32?
  private let levelExtensionID: UInt8
  private let midExtensionID: UInt8
  private let mid: [UInt8]
  private var reception: ReceptionStatistics
  private var byteCount: UInt64 = 0
  private var expectedAtReport: Int64 = 0
  private var lostAtReport: Int64 = 0

  init(_ options: ReceiveTrack, source: UnsafeMutablePointer<TrackSource>) {
    ssrc = options.ssrc
    announcedSSRC = options.ssrc
    payloadType = options.payloadType
    codec = options.codec
    self.source = source
    levelExtensionID = options.levelExtensionID ?? 0
    midExtensionID = options.midExtensionID ?? 0
    mid = Array((options.mid ?? "").utf8)
    reception = ReceptionStatistics(clockRateHz: options.codec.clockRateHz)
  }

  var packetCount: UInt64 { reception.packetCount }

  /// The stream's own mid is in the packet (RFC 9143 §15).
  func isNamed(in packet: RawSpan, _ layout: RTPLayout) -> Bool {
    guard midExtensionID != 0, let range = layout.extensionElement(id: midExtensionID, in: packet),
      range.count == mid.count
    else { return false }
    for index in 0..<mid.count where packet.uint8(at: range.lowerBound + index) != mid[index] { return false }
    return true
  }

  /// A packet of an SSRC nobody announced may be this track's.
  func mayAdopt(_ layout: RTPLayout) -> Bool {
    announcedSSRC == nil && ssrc == nil && layout.header.payloadType == payloadType
  }

  /// Counts an authenticated packet. Returns how far below full scale its sender says it is (RFC 6464), if it does.
  mutating func received(_ packet: RawSpan, _ layout: RTPLayout, at now: MonotonicTime) -> UInt8? {
    reception.received(layout.header, payloadByteCount: layout.payload.count, at: now)
    byteCount += UInt64(packet.byteCount)
    guard let said = layout.audioLevel(id: levelExtensionID, in: packet) else { return nil }
    let level = UInt8(clamping: -said.decibelsOverload)
    let samples =
      codec == .opus ? OpusDecoder8k.sampleCount(of: packet.extracting(layout.payload)) : layout.payload.count
    let source = source
    source.pointee.level.add(level: level, duration: .microseconds(125 * samples))
    return level
  }

  mutating func received(_ report: RTCP.SenderReport, at now: MonotonicTime) { reception.received(report, at: now) }

  /// Nil before the first packet.
  mutating func reportBlock(at now: MonotonicTime) -> RTCP.ReportBlock? { reception.reportBlock(at: now) }

  /// Totals so far; `recentLoss` counts from the previous call.
  mutating func statistics() -> ReceivedTrackStatistics {
    var statistics = ReceivedTrackStatistics()
    statistics.packetsReceived = reception.packetCount
    statistics.bytesReceived = byteCount
    statistics.packetsLost = reception.lostPacketCount
    statistics.jitter = reception.jitter
    let expected = reception.expectedPacketCount - expectedAtReport
    let lost = reception.lostPacketCount - lostAtReport
    statistics.recentLoss = expected > 0 ? min(1, max(0, Float(lost) / Float(expected))) : 0
    expectedAtReport += expected
    lostAtReport += lost
    return statistics
  }
}
