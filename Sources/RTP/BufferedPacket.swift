/// A packet that a `Reorderer` or a `JitterBuffer` hands out. Its payload is valid until that buffer changes again.
public struct BufferedPacket: Hashable, Sendable, BitwiseCopyable {
  public var marker: Bool
  public var payloadType: UInt8
  /// As received. Not continuous when the sender's source or clock jumped.
  public var timestamp: UInt32
  /// Length of its sound in RTP clock ticks, as given at insertion.
  public var durationTicks: Int
  /// What the sender or the caller said at insertion: nobody misses this sound.
  public var isSilent: Bool
  /// `JitterBuffer` only: there is more delay than jitter demands, so the caller may throw this sound away when
  /// it proves silent once decoded, and ask for the next.
  public var isSurplus: Bool

  var handle: Int32
}

/// What became of a packet given to a `Reorderer` or a `JitterBuffer`.
public enum PacketInsertion: Hashable, Sendable {
  case accepted
  case duplicate
  /// Its turn has passed: a loss was declared in its place.
  case late
  /// From a source that another one has replaced, or the first packet after a jump of the sequence number.
  case ignored
}
