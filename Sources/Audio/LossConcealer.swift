import CSpanDSP

/// Fills the gaps of an 8 kHz stream with what the last pitch period suggests, fading within 50 ms.
///
/// Every packet goes through `receive`, every lost one through `fill`, so that the stream keeps its length.
/// Owns a `plc_state_t`; allocates nothing after `init`.
public struct LossConcealer: ~Copyable {
  /// The shortest gap that is filled with more than silence: spandsp blends its first quarter of a pitch period in
  /// without a look at the length.
  public static let minimumSampleCount = Int(PLC_PITCH_MIN) / 4

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
    guard samples.count >= Self.minimumSampleCount else {
      for index in samples.indices { samples[index] = 0 }
      return
    }
    if state.pointee.missing_samples == 0 { straightenHistory() }
    samples.withUnsafeMutableBufferPointer { samples in
      _ = plc_fillin(state, samples.baseAddress, Int32(clamping: samples.count))
    }
  }

  /// Turns the ring of past samples so that the oldest comes first, as spandsp does at the start of a gap, but for its
  /// memcpy between overlapping ranges; it then finds nothing to do.
  private mutating func straightenHistory() {
    let start = Int(state.pointee.buf_ptr)
    withUnsafeMutableBytes(of: &state.pointee.history) { bytes in
      var history = bytes.assumingMemoryBound(to: Int16.self)
      guard (1..<history.count).contains(start) else { return }
      // Turning a sequence is reversing its two parts and then the whole.
      history[..<start].reverse()
      history[start...].reverse()
      history.reverse()
    }
    state.pointee.buf_ptr = 0
  }
}
