import CSpanDSP

/// Fills the gaps of an 8 kHz stream with what the last pitch period suggests, fading within 50 ms.
///
/// Every packet goes through `receive`, every lost one through `fill`, so that the stream keeps its length.
/// Owns a `plc_state_t`; allocates nothing after `init`.
public struct LossConcealer: ~Copyable {
  private let state: UnsafeMutablePointer<plc_state_t>

  /// `plc_init`. Nil when memory is short.
  public init?() {
    guard let state = plc_init(nil) else { return nil }
    self.state = state
  }

  deinit { plc_free(state) }

  /// `plc_rx`: remembers good samples, and blends their start with the end of a gap when one went before.
  public mutating func receive(_ samples: inout MutableSpan<Int16>) {
    samples.withUnsafeMutableBufferPointer { samples in
      _ = plc_rx(state, samples.baseAddress, Int32(clamping: samples.count))
    }
  }

  /// `plc_fillin`: writes all of `samples` in place of a packet that did not come.
  public mutating func fill(_ samples: inout MutableSpan<Int16>) {
    samples.withUnsafeMutableBufferPointer { samples in
      _ = plc_fillin(state, samples.baseAddress, Int32(clamping: samples.count))
    }
  }
}
