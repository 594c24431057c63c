import Audio
import Foundation

/// Reads and writes the WAV files of the test phone.
enum DialWaveFile {
  /// Nobody plays more into a test call: ten minutes at 48 kHz, two channels.
  static let byteLimit = 120 << 20
  static let sampleRateHz = 8000

  private struct Format {
    var code: UInt16
    var channelCount: Int
    var sampleRateHz: Int
    var bitsPerSample: Int
  }

  /// The first channel at 8 kHz.
  static func read(_ path: String) throws(DialError) -> [Int16] {
    guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: byteLimit) else {
      throw DialError("\(path): cannot be read")
    }
    return try parse(Array(data), path: path)
  }

  static func parse(_ bytes: [UInt8], path: String) throws(DialError) -> [Int16] {
    guard bytes.count >= 12, text(bytes, 0) == "RIFF", text(bytes, 8) == "WAVE" else {
      throw DialError("\(path): is no WAV file")
    }
    var format: Format?
    var offset = 12
    while offset + 8 <= bytes.count {
      let size = Int(number32(bytes, offset + 4))
      let body = offset + 8..<min(offset + 8 + size, bytes.count)
      if text(bytes, offset) == "fmt ", body.count >= 16 { format = read(bytes, body) }
      if text(bytes, offset) == "data" {
        guard let format else { throw DialError("\(path): its sound comes before its format") }
        return resample(try samples(bytes[body], format, path: path), from: format.sampleRateHz)
      }
      // Chunks are padded to an even length.
      offset = offset + 8 + size + size % 2
    }
    throw DialError("\(path): holds no sound")
  }

  static func write(_ samples: [Int16], to path: String) throws(DialError) {
    var bytes: [UInt8] = []
    let byteCount = UInt32(clamping: samples.count * 2)
    func add(_ text: String) { bytes += Array(text.utf8) }
    func add(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) } }
    func add(_ value: UInt16) { withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) } }
    add("RIFF")
    add(36 + byteCount)
    add("WAVEfmt ")
    add(UInt32(16))
    add(UInt16(1))
    add(UInt16(1))
    add(UInt32(sampleRateHz))
    add(UInt32(sampleRateHz * 2))
    add(UInt16(2))
    add(UInt16(16))
    add("data")
    add(byteCount)
    for sample in samples { add(UInt16(bitPattern: sample)) }
    do {
      try Data(bytes).write(to: URL(filePath: path))
    } catch {
      throw DialError("\(path): cannot be written")
    }
  }

  private static func read(_ bytes: [UInt8], _ body: Range<Int>) -> Format {
    var code = number16(bytes, body.lowerBound)
    // WAVE_FORMAT_EXTENSIBLE: the code stands at the start of the sub-format.
    if code == 0xFFFE, body.count >= 26 { code = number16(bytes, body.lowerBound + 24) }
    return Format(
      code: code, channelCount: Int(number16(bytes, body.lowerBound + 2)),
      sampleRateHz: Int(number32(bytes, body.lowerBound + 4)),
      bitsPerSample: Int(number16(bytes, body.lowerBound + 14)))
  }

  private static func samples(_ data: ArraySlice<UInt8>, _ format: Format, path: String) throws(DialError) -> [Int16] {
    guard format.channelCount > 0, (4000...192_000).contains(format.sampleRateHz) else {
      throw DialError("\(path): \(format.channelCount) channels at \(format.sampleRateHz) Hz cannot be played")
    }
    switch (format.code, format.bitsPerSample) {
    case (1, 16):
      let step = 2 * format.channelCount
      return stride(from: data.startIndex, to: data.endIndex - 1, by: step).map {
        Int16(bitPattern: UInt16(data[$0]) | UInt16(data[$0 + 1]) << 8)
      }
    case (6, 8), (7, 8):
      let octets = stride(from: data.startIndex, to: data.endIndex, by: format.channelCount).map { data[$0] }
      var samples = [Int16](repeating: 0, count: octets.count)
      var span = samples.mutableSpan
      (format.code == 6 ? G711.pcma : G711.pcmu).decode(octets.span.bytes, into: &span)
      return samples
    default:
      throw DialError("\(path): expected 16-bit PCM, A-law or µ-law, found format \(format.code)")
    }
  }

  /// Averages over each output sample's span when there are more input samples, interpolates when there are fewer.
  private static func resample(_ samples: [Int16], from rateHz: Int) -> [Int16] {
    guard rateHz != sampleRateHz, !samples.isEmpty else { return samples }
    let ratio = Double(rateHz) / Double(sampleRateHz)
    return (0..<Int(Double(samples.count) / ratio)).map { index in
      let start = Double(index) * ratio
      guard ratio > 1 else {
        let first = Int(start)
        let next = min(first + 1, samples.count - 1)
        let fraction = start - Double(first)
        return Int16((Double(samples[first]) * (1 - fraction) + Double(samples[next]) * fraction).rounded())
      }
      let range = Int(start)..<min(max(Int(start) + 1, Int(start + ratio)), samples.count)
      return Int16(range.reduce(0) { $0 + Int(samples[$1]) } / max(1, range.count))
    }
  }

  private static func text(_ bytes: [UInt8], _ offset: Int) -> String {
    String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
  }

  private static func number16(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }

  private static func number32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(number16(bytes, offset)) | UInt32(number16(bytes, offset + 2)) << 16
  }
}
