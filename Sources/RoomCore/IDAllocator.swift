import Base
import SDP

/// Numbers, names and secrets of a room server: never the same twice.
struct IDAllocator: Sendable {
  private var lastNumber: UInt64 = 0
  private var random: RandomSource

  /// - Parameter seed: for tests, which want the same names in every run. Nil: the system's secure source.
  init(seed: UInt64?) { random = seed.map(RandomSource.seeded) ?? .system }

  /// From 1; shared by rooms, transports and tracks.
  mutating func number() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  /// `prefix` and 12 characters: `RM_…`, `PA_…`, `TR_AM…`.
  mutating func sid(_ prefix: String) -> String { GUID.make(prefix: prefix, using: &random) }

  mutating func ssrc() -> UInt32 { UInt32.random(in: 1...UInt32.max, using: &random) }

  mutating func word() -> UInt64 { random.next() }

  /// 70 and 140 random bits; RFC 8839 §5.4 asks for 24 and 128.
  mutating func iceCredentials() -> ICECredentials {
    ICECredentials(usernameFragment: String(sid("").prefix(8)), password: sid("") + sid(""))
  }
}

private enum RandomSource: RandomNumberGenerator {
  case system
  case seeded(UInt64)

  mutating func next() -> UInt64 {
    guard case .seeded(let state) = self else {
      var system = SystemRandomNumberGenerator()
      return system.next()
    }
    // SplitMix64.
    let next = state &+ 0x9E37_79B9_7F4A_7C15
    self = .seeded(next)
    var word = next
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
