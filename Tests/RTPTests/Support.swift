import Base
import RTP

extension RandomSource {
  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

extension MonotonicTime {
  static func milliseconds(_ count: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(count * 1e6)) }
  var milliseconds: Double { Double(nanoseconds) / 1e6 }
}

extension [UInt8] {
  /// Reads `a0 01 …`, blanks free.
  init(hex: String) {
    let digits = hex.filter { !$0.isWhitespace }
    self = stride(from: 0, to: digits.count, by: 2).compactMap { index in
      let start = digits.index(digits.startIndex, offsetBy: index)
      return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
    }
  }

  /// A payload that says which packet it is.
  init(marking number: Int) {
    self = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
  }
}

extension RawSpan {
  var markedNumber: Int { Int(uint64(at: 0)) }
}

func header(_ sequenceNumber: Int, _ timestamp: Int, ssrc: UInt32 = 7, payloadType: UInt8 = 0) -> RTPHeader {
  RTPHeader(
    payloadType: payloadType, sequenceNumber: UInt16(truncatingIfNeeded: sequenceNumber),
    timestamp: UInt32(truncatingIfNeeded: timestamp), ssrc: ssrc)
}

extension [UInt8] {
  /// Lends the bytes to a writer. (The test macros take neither spans nor mutating calls.)
  mutating func write<Result>(_ body: (inout MutableRawSpan) -> Result) -> Result {
    var span = mutableSpan
    var bytes = span.mutableBytes
    return body(&bytes)
  }

  func read<Result>(_ body: (RawSpan) -> Result) -> Result { body(span.bytes) }

  var layout: RTPLayout? { RTPLayout.parse(span.bytes) }
}
