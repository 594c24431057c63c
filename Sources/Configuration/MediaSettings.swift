/// The phone legs' RTP, and the codecs of the rooms.
public struct MediaSettings: Sendable, Equatable {
  /// Even ports of this range carry the phone legs (`rtp_port`).
  public var phonePorts: ClosedRange<UInt16> = 10000...20000
  /// What our SDP announces (`media_nat_1_to_1_ip`, `media_use_external_ip`; else as `SIPSettings.announced`).
  public var announced = AnnouncedAddress.local
  /// A call ends after this long without RTP (`media_timeout`).
  public var timeout: Duration = .seconds(15)
  /// The same before the first packet, counted from the answer (`media_timeout_initial`).
  public var initialTimeout: Duration = .seconds(30)
  /// Learn the source of RTP for every call, not only where the peer's SDP names an address it cannot have
  /// (`symmetric_rtp`).
  public var learnsSourceAlways = false
  /// Learn the source of RTP where the peer's SDP names a private address (`ignore_local_addr_in_sdp`).
  public var learnsSourceBehindNAT = true
  /// Codecs of the phone leg in order of preference (`codecs`). Never empty.
  public var phoneCodecs: [PhoneCodec] = [.pcmu, .pcma]
  /// What phone legs publish to rooms (`room_codec`).
  public var roomCodec = RoomCodec.opus
  public var opus = OpusSettings()
  /// Threads that carry media (`media_loops`). Nil: one per processor.
  public var loopCount: Int?

  public init() {}
}

public enum PhoneCodec: String, Sendable, CaseIterable {
  case pcmu = "PCMU/8000"
  case pcma = "PCMA/8000"
}

public enum RoomCodec: String, Sendable, CaseIterable {
  case opus
  case pcmu
}
