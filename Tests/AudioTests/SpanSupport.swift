import Glibc

extension [UInt8] {
  /// Lends the bytes as the packet code wants them.
  mutating func withRaw<Result>(_ body: (inout MutableRawSpan) -> Result) -> Result {
    var elements = mutableSpan
    var bytes = elements.mutableBytes
    return body(&bytes)
  }
}

extension [Int16] {
  mutating func withSpan<Result>(_ body: (inout MutableSpan<Int16>) -> Result) -> Result {
    var samples = mutableSpan
    return body(&samples)
  }

  /// A sine at 8 kHz.
  static func tone(_ frequencyHz: Double, peak: Double, count: Int, from start: Int = 0) -> [Int16] {
    (start..<(start + count)).map { Int16((peak * sin(2 * .pi * frequencyHz * Double($0) / 8000)).rounded()) }
  }

  var rms: Double { (map { Double($0) * Double($0) }.reduce(0, +) / Double(Swift.max(count, 1))).squareRoot() }

  /// The amplitude of one frequency (Goertzel): the peak of that sine alone.
  func amplitude(atHz frequencyHz: Double) -> Double {
    let step = 2 * Double.pi * frequencyHz / 8000
    var real = 0.0
    var imaginary = 0.0
    for (index, sample) in enumerated() {
      real += Double(sample) * cos(step * Double(index))
      imaginary += Double(sample) * sin(step * Double(index))
    }
    return 2 * (real * real + imaginary * imaginary).squareRoot() / Double(count)
  }
}

/// Difference of two amplitudes in decibels.
func decibels(_ a: Double, over b: Double) -> Double { 20 * log10(a / b) }

struct NotMade: Error {}

/// `#require` for values that cannot be copied.
func made<Value: ~Copyable>(_ value: consuming Value?) throws -> Value {
  guard let value = consume value else { throw NotMade() }
  return value
}
