import Audio
import Foundation

/// Reads and writes the WAV files of the test phone.
enum DialWaveFile {
  /// Nobody plays more into a test call: ten minutes at 48 kHz, two channels.
  static let byteLimit = 120 << 20
  static let sampleRateHz = 8000

  /// The first channel at 8 kHz.
  static func read(_ path: String) throws(DialError) -> [Int16] {
    guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: byteLimit) else {
      throw DialError("\(path): cannot be read")
    }
    return try parse(Array(data), path: path)
  }

  static func parse(_ bytes: [UInt8], path: String) throws(DialError) -> [Int16] {
    do {
      return try WaveFile(parsing: bytes).samples(atHz: sampleRateHz)
    } catch {
      throw DialError("\(path): \(error.reason)")
    }
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
}
