import Base
import COpus

/// Decodes any Opus packet, whatever rate and channels it was made from, straight to 8 kHz mono.
///
/// Owns an `OpusDecoder`; allocates nothing after `init`.
public struct OpusDecoder8k: ~Copyable {
  /// The longest packet, 120 ms (RFC 6716 §2.1.4), in samples. Room to offer `decode`.
  public static let maximumSampleCount = 960

  private let decoder: OpaquePointer

  /// `opus_decoder_create`. Nil when memory is short.
  public init?() {
    guard let decoder = opus_decoder_create(8000, 1, nil) else { return nil }
    self.decoder = decoder
  }

  deinit { opus_decoder_destroy(decoder) }

  /// `opus_packet_get_nb_samples`: the duration in 8 kHz samples without decoding, 0 for a malformed packet.
  public static func sampleCount(of payload: RawSpan) -> Int {
    payload.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress, bytes.count > 0 else { return 0 }
      let octets = start.assumingMemoryBound(to: UInt8.self)
      let count = Int(opus_packet_get_nb_samples(octets, Int32(clamping: bytes.count), 8000))
      return (1...maximumSampleCount).contains(count) ? count : 0
    }
  }

  /// `opus_decode`. Returns the samples written, 0 for a malformed packet or one longer than `samples`.
  public mutating func decode(_ payload: RawSpan, into samples: inout MutableSpan<Int16>) -> Int {
    decode(payload, upTo: samples.count, fromRedundancy: false, into: &samples)
  }

  /// The lost packet before `payload`, from the in-band FEC that `payload` carries, else concealed.
  ///
  /// `sampleCount` is the lost packet's duration, a multiple of 20 (2.5 ms). Returns the samples written.
  public mutating func decodeRedundancy(
    in payload: RawSpan, sampleCount: Int, into samples: inout MutableSpan<Int16>
  ) -> Int {
    decode(payload, upTo: sampleCount, fromRedundancy: true, into: &samples)
  }

  /// Writes exactly `sampleCount` samples, a multiple of 20 (2.5 ms), in place of a packet that did not come.
  ///
  /// Returns the samples written, 0 when `samples` is too small.
  public mutating func conceal(sampleCount: Int, into samples: inout MutableSpan<Int16>) -> Int {
    guard sampleCount > 0, sampleCount <= samples.count else { return 0 }
    return samples.withUnsafeMutableBufferPointer { samples in
      guard let output = samples.baseAddress else { return 0 }
      return Int(max(opus_decode(decoder, nil, 0, output, Int32(clamping: sampleCount), 0), 0))
    }
  }

  private mutating func decode(
    _ payload: RawSpan, upTo sampleCount: Int, fromRedundancy: Bool, into samples: inout MutableSpan<Int16>
  ) -> Int {
    // libopus takes an empty packet for a lost one.
    guard payload.byteCount > 0, sampleCount > 0, sampleCount <= samples.count else { return 0 }
    return payload.withUnsafeBytes { bytes in
      samples.withUnsafeMutableBufferPointer { samples in
        guard let input = bytes.baseAddress, let output = samples.baseAddress else { return 0 }
        let octets = input.assumingMemoryBound(to: UInt8.self)
        let length = Int32(clamping: bytes.count)
        return Int(
          max(opus_decode(decoder, octets, length, output, Int32(clamping: sampleCount), fromRedundancy ? 1 : 0), 0))
      }
    }
  }
}
