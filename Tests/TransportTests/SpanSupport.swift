@testable import Transport

extension [UInt8] {
  /// Lends the bytes as the packet code wants them.
  mutating func withRaw<Result>(_ body: (inout MutableRawSpan) -> Result) -> Result {
    var elements = mutableSpan
    var bytes = elements.mutableBytes
    return body(&bytes)
  }

  /// `"00 01 ff"` and the like.
  init(hex: String) {
    let digits = hex.compactMap(\.hexDigitValue)
    self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}

struct NotMade: Error {}

/// `#require` for values that cannot be copied.
func made<Value: ~Copyable>(_ value: consuming Value?) throws -> Value {
  guard let value = consume value else { throw NotMade() }
  return value
}

/// A seeded generator (SplitMix64), so that a failure can be played again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

// `#expect` takes no spans: the same calls, of arrays.

extension STUNMessage {
  init?(bytes: [UInt8]) { self.init(bytes.span.bytes) }

  func isAuthentic(bytes: [UInt8], key: STUNKey) -> Bool { isAuthentic(bytes.span.bytes, key: key) }
}

extension DCEP {
  static func parse(bytes: [UInt8]) -> Message? { parse(bytes.span.bytes) }
}

extension ICEFragment {
  init?(addressedByBytes bytes: [UInt8]) { self.init(addressedBy: bytes.span.bytes) }
}

func makeContext(
  profiles: [SRTPProfile] = SRTPProfile.allCases, timer: DTLSContext.Timer = .quick
) throws -> DTLSContext {
  let certificate = try made(DTLSCertificate.selfSigned())
  guard let context = DTLSContext(certificate, profiles: profiles, timer: timer) else { throw NotMade() }
  return context
}
