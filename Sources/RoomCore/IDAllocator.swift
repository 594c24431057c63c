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
