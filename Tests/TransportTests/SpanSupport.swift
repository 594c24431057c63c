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
