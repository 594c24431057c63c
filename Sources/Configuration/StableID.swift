import Base

/// An id for what was given none: the same text always gives the same id.
enum StableID {
  static func make(_ prefix: String, _ text: String) -> String {
    // Mixed: near hashes lie far apart in the sequence.
    var words = RandomSource.seeded(hash(text))
    let body = (0..<GUID.bodyLength).map { _ in GUID.alphabet[Int(words.next() % UInt64(GUID.alphabet.count))] }
    return prefix + String(decoding: body, as: UTF8.self)
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
