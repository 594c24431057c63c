/// Turns 16-bit sequence numbers into ones that never wrap (RFC 3550 §A.1).
public struct SequenceExtender: Sendable, BitwiseCopyable {
  /// The highest number met, with its cycles. Nil until the first.
  public private(set) var highest: Int64?

  public init() {}

  /// The extended number nearest to the highest so far. Does not remember it.
  public func extended(_ sequenceNumber: UInt16) -> Int64 {
    guard let highest else { return Int64(sequenceNumber) }
    let distance = Int16(bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest))
    return highest + Int64(distance)
  }

  /// The extended number; it becomes the highest when it lies ahead. Numbers before the first one are negative.
  public mutating func extend(_ sequenceNumber: UInt16) -> Int64 {
    let number = extended(sequenceNumber)
    highest = max(highest ?? number, number)
    return number
  }
}

/// Turns 32-bit RTP timestamps into ones that never wrap.
public struct TimestampExtender: Sendable, BitwiseCopyable {
  /// The latest timestamp extended. Nil until the first.
  public private(set) var latest: Int64?

  public init() {}

  /// The extended timestamp nearest to the latest one, which it replaces.
  public mutating func extend(_ timestamp: UInt32) -> Int64 {
    guard let latest else {
      self.latest = Int64(timestamp)
      return Int64(timestamp)
    }
    let extended =
      latest + Int64(Int32(bitPattern: timestamp &- UInt32(truncatingIfNeeded: latest)))
    self.latest = extended
    return extended
  }
}
