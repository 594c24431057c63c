import Base

/// An id for what was given none: the same text always gives the same id.
enum StableID {
  static func make(_ prefix: String, _ text: String) -> String {
    var state = hash(text)
    let body = (0..<GUID.bodyLength).map { _ in
      GUID.alphabet[Int(splitMix(&state) % UInt64(GUID.alphabet.count))]
    }
    return prefix + String(decoding: body, as: UTF8.self)
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// SplitMix64: the next of a sequence in which near hashes lie far apart.
  private static func splitMix(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
