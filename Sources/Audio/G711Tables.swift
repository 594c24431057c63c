/// The tables of one law, computed once per process.
struct G711Tables: Sendable {
  /// Octet by the sample's bit pattern.
  let octets: [UInt8]
  /// Sample by octet.
  let samples: [Int16]

  static let pcmu = G711Tables(encode: encodeMuLaw, decode: decodeMuLaw)
  static let pcma = G711Tables(encode: encodeALaw, decode: decodeALaw)

  private init(encode: (Int32) -> UInt8, decode: (UInt8) -> Int32) {
    octets = (0..<1 << 16).map { encode(Int32(Int16(truncatingIfNeeded: $0))) }
    samples = (0..<1 << 8).map { Int16(decode(UInt8($0))) }
  }

  /// Added before the segment is looked up, so that segment borders fall on powers of two (G.711 table 2).
  private static let muLawBias: Int32 = 0x84

  private static func encodeMuLaw(_ sample: Int32) -> UInt8 {
    let magnitude = muLawBias + abs(sample)
    let signAndInversion: Int32 = sample < 0 ? 0x7F : 0xFF
    let segment = segment(of: magnitude)
    guard segment < 8 else { return UInt8(0x7F ^ signAndInversion) }
    return UInt8((segment << 4 | magnitude >> (segment + 3) & 0xF) ^ signAndInversion)
  }

  private static func decodeMuLaw(_ octet: UInt8) -> Int32 {
    let bits = Int32(~octet)
    let magnitude = ((bits & 0xF) << 3 + muLawBias) << (bits >> 4 & 7) - muLawBias
    return bits & 0x80 != 0 ? -magnitude : magnitude
  }

  private static func encodeALaw(_ sample: Int32) -> UInt8 {
    // One's complement of negative samples: the negative segments are the mirror of the positive ones.
    let magnitude = sample < 0 ? ~sample : sample
    let signAndInversion: Int32 = sample < 0 ? 0x55 : 0xD5
    let segment = segment(of: magnitude)
    return UInt8((segment << 4 | magnitude >> max(segment + 3, 4) & 0xF) ^ signAndInversion)
  }

  private static func decodeALaw(_ octet: UInt8) -> Int32 {
    let bits = Int32(octet ^ 0x55)
    let segment = bits >> 4 & 7
    let step = (bits & 0xF) << 4 + 8
    let magnitude = segment == 0 ? step : (step + 0x100) << (segment - 1)
    return bits & 0x80 != 0 ? magnitude : -magnitude
  }

  /// 0 for magnitudes below 256, then one more for each doubling.
  private static func segment(of magnitude: Int32) -> Int32 {
    Int32(24 - (magnitude | 0xFF).leadingZeroBitCount)
  }
}
