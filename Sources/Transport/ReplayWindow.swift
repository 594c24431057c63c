/// Which of the last 128 packet indices were seen (RFC 3711 §3.3.2).
struct ReplayWindow: Sendable {
  static let length: UInt64 = 128

  /// The highest index seen; nil before the first.
  private(set) var highest: UInt64?
  /// Bit n stands for `highest - n`.
  private var seen: UInt128 = 0

  /// True when the index is new and not older than the window.
  func admits(_ index: UInt64) -> Bool {
    guard let highest, index <= highest else { return true }
    let age = highest - index
    return age < Self.length && seen & (1 << UInt128(age)) == 0
  }

  mutating func insert(_ index: UInt64) {
    guard let highest else {
      self.highest = index
      seen = 1
      return
    }
    if index > highest {
      seen = seen << UInt128(index - highest) | 1
      self.highest = index
    } else if highest - index < Self.length {
      seen |= 1 << UInt128(highest - index)
    }
  }
}
