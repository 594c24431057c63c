public enum TrackCodec: Hashable, Sendable {
  /// 48,000 RTP ticks a second, mono or stereo.
  case opus
  case pcmu
  case pcma
}

extension TrackCodec {
  /// RTP clock (RFC 7587 §4.1, RFC 3551 §4.5.14).
  var clockRateHz: Int { self == .opus ? 48_000 : 8_000 }
}
