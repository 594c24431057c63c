import Base
import COpus

/// How `OpusEncoder8k` encodes. The defaults are transparent for a phone call, the cheapest to compute and the most
/// robust under loss of all modes without in-band FEC.
public struct OpusEncoderSettings: Hashable, Sendable {
  public enum Application: Hashable, Sendable {
    /// CELT only: look-ahead 2.5 ms.
    case restrictedLowDelay
    /// SILK, the speech mode: look-ahead 6.5 ms.
    case voip
    case audio
  }

  public var application = Application.restrictedLowDelay
  /// 6,000…128,000.
  public var bitsPerSecond = 48_000
  /// 0…10.
  public var complexity = 0
  /// Puts a coarse copy of each frame into the next packet; has no effect in CELT.
  public var usesInbandFEC = false
  /// What the encoder shall expect; steers in-band FEC.
  public var expectedLossPercent = 0

  public init() {}
}

/// Encodes 8 kHz mono. The RTP clock of Opus runs at 48 kHz all the same (RFC 7587 §4.1).
///
/// Owns an `OpusEncoder`; allocates nothing after `init`.
public struct OpusEncoder8k: ~Copyable {
  /// RTP timestamp ticks for each sample encoded.
  public static let timestampTicksPerSample: UInt32 = 6
  /// Room to offer `encode`: more than any frame of up to 60 ms at 128 kbit/s takes.
  public static let maximumPacketByteCount = 1000

  private let encoder: OpaquePointer

  /// `opus_encoder_create`. Nil when memory is short; settings outside their range are clamped.
  public init?(_ settings: OpusEncoderSettings = OpusEncoderSettings()) {
    let application =
      switch settings.application {
      case .restrictedLowDelay: OPUS_APPLICATION_RESTRICTED_LOWDELAY
      case .voip: OPUS_APPLICATION_VOIP
      case .audio: OPUS_APPLICATION_AUDIO
      }
    guard let encoder = opus_encoder_create(8000, 1, application, nil) else { return nil }
    self.encoder = encoder
    _ = copus_set_bitrate(encoder, Int32(min(max(settings.bitsPerSecond, 6_000), 128_000)))
    _ = copus_set_complexity(encoder, Int32(min(max(settings.complexity, 0), 10)))
    _ = copus_set_inband_fec(encoder, settings.usesInbandFEC ? 1 : 0)
    _ = copus_set_packet_loss(encoder, Int32(min(max(settings.expectedLossPercent, 0), 100)))
  }

  deinit { opus_encoder_destroy(encoder) }

  /// Follows what RTCP reports of the path.
  public mutating func setExpectedLoss(percent: Int) {
    _ = copus_set_packet_loss(encoder, Int32(min(max(percent, 0), 100)))
  }

  /// `opus_encode`: 80, 160, 320 or 480 samples (10, 20, 40, 60 ms) become one packet at `offset` of `packet`.
  ///
  /// Returns its length, 0 when the count of samples is another or the packet does not fit.
  public mutating func encode(_ samples: Span<Int16>, into packet: inout MutableRawSpan, at offset: Int = 0) -> Int {
    guard [80, 160, 320, 480].contains(samples.count), offset >= 0, offset < packet.byteCount else { return 0 }
    return samples.withUnsafeBufferPointer { samples in
      packet.withUnsafeMutableBytes { bytes in
        guard let input = samples.baseAddress, let output = bytes.baseAddress else { return 0 }
        let room = Int32(clamping: min(bytes.count - offset, Self.maximumPacketByteCount))
        let octets = (output + offset).assumingMemoryBound(to: UInt8.self)
        return Int(max(opus_encode(encoder, input, Int32(samples.count), octets, room), 0))
      }
    }
  }
}
