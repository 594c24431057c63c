import Audio
import Base
import Glibc

/// Test tones at 8 kHz, and what is left of them.
public enum Sound {
  public static func tone(hz: Double, amplitude: Double = 0.25, count: Int, from start: Int = 0) -> [Int16] {
    (0..<count).map { index in
      Int16((sin(2 * .pi * hz * Double(start + index) / 8000) * amplitude * 32_767).rounded())
    }
  }

  /// Power at `hz` in decibels against a full-scale sine, over whole samples (Goertzel).
  public static func decibels(_ samples: some Collection<Int16>, hz: Double) -> Double {
    guard !samples.isEmpty else { return -200 }
    let coefficient = 2 * cos(2 * .pi * hz / 8000)
    var (first, second) = (0.0, 0.0)
    for sample in samples { (first, second) = (Double(sample) + coefficient * first - second, first) }
    let power = first * first + second * second - coefficient * first * second
    let amplitude = 2 * power.squareRoot() / Double(samples.count) / 32_767
    return 20 * log10(max(amplitude, 1e-10))
  }

  public static func encode(_ samples: [Int16], _ law: G711 = .pcmu) -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: samples.count)
    var elements = payload.mutableSpan
    var bytes = elements.mutableBytes
    law.encode(samples.span, into: &bytes)
    return payload
  }

  public static func decode(_ payload: [UInt8], _ law: G711 = .pcmu) -> [Int16] {
    var samples = [Int16](repeating: 0, count: payload.count)
    var span = samples.mutableSpan
    law.decode(payload.span.bytes, into: &span)
    return samples
  }
}

/// An Opus encoder and decoder for tests: packets in arrays.
public final class OpusCodec {
  private var encoder: OpusEncoder8k
  private var decoder: OpusDecoder8k

  /// Nil when memory is short.
  public init?() {
    guard let encoder = OpusEncoder8k(), let decoder = OpusDecoder8k() else { return nil }
    self.encoder = encoder
    self.decoder = decoder
  }

  public func encode(_ samples: [Int16]) -> [UInt8] {
    var packet = [UInt8](repeating: 0, count: OpusEncoder8k.maximumPacketByteCount)
    var elements = packet.mutableSpan
    var bytes = elements.mutableBytes
    return Array(packet[..<encoder.encode(samples.span, into: &bytes)])
  }

  public func decode(_ packet: [UInt8]) -> [Int16] {
    var samples = [Int16](repeating: 0, count: OpusDecoder8k.maximumSampleCount)
    var span = samples.mutableSpan
    let count = decoder.decode(packet.span.bytes, into: &span)
    return Array(samples[..<count])
  }
}
