/// What is kept per SSRC of one direction.
struct SRTPStream: Sendable {
  let ssrc: UInt32
  /// RTP packet indices: rollover counter and sequence number (RFC 3711 §3.3.1).
  var rtp = ReplayWindow()
  /// SRTCP indices (RFC 3711 §3.4).
  var rtcp = ReplayWindow()

  init(ssrc: UInt32) { self.ssrc = ssrc }

  /// The 48-bit index of a packet: the one nearest to the highest seen (RFC 3711 appendix A). Nil below zero.
  func index(of sequenceNumber: UInt16) -> UInt64? {
    guard let highest = rtp.highest else { return UInt64(sequenceNumber) }
    let step = Int16(truncatingIfNeeded: Int(sequenceNumber) - Int(highest & 0xFFFF))
    let index = Int64(highest) + Int64(step)
    return index >= 0 && index < 1 << 48 ? UInt64(index) : nil
  }
}

/// The streams of one direction: few, so that a linear search beats hashing.
struct SRTPStreams: Sendable {
  private var streams: [SRTPStream] = []
  private var lastFound = 0

  /// The position of a known stream.
  mutating func find(_ ssrc: UInt32) -> Int? {
    if lastFound < streams.count, streams[lastFound].ssrc == ssrc { return lastFound }
    guard let found = streams.firstIndex(where: { $0.ssrc == ssrc }) else { return nil }
    lastFound = found
    return found
  }

  /// The position of a new stream. Nil when `SRTPContext.maximumStreamCount` are known.
  mutating func add(_ stream: SRTPStream) -> Int? {
    guard streams.count < SRTPContext.maximumStreamCount else { return nil }
    streams.append(stream)
    return streams.count - 1
  }

  mutating func remove(_ ssrc: UInt32) {
    streams.removeAll { $0.ssrc == ssrc }
    lastFound = 0
  }

  subscript(position: Int) -> SRTPStream {
    get { streams[position] }
    _modify { yield &streams[position] }
  }
}
