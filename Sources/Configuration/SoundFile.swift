import Audio
import Foundation

/// Recorded sentences for callers: WAV files of one channel and 16-bit PCM, brought to the phones' 8 kHz.
enum SoundFile {
  static let sampleRateHz = 8000
  static let maximumSeconds = 300
  /// After the last word, so that hanging up does not cut it off in the phone's jitter buffer.
  private static let tailSampleCount = sampleRateHz * 3 / 10
  private static let fileRatesHz = 8000...48_000
  /// The longest sound at the highest rate, and a few other chunks.
  private static let byteLimit = maximumSeconds * 48_000 * 2 + 65_536
  private static let expected =
    "expected a WAV file: one channel, 16-bit PCM, 8 to 48 kHz, at most \(maximumSeconds) s"

  /// The path of the file that `key` names, relative to the configuration's directory. Its samples are in
  /// `Reading.sounds`; a file that cannot be played is refused.
  static func read(_ key: String, in section: Section) -> String? {
    guard let name = section.value(key, .nonEmptyText) else { return nil }
    let path = name.hasPrefix("/") ? name : (section.reading.directory ?? "") + name
    guard section.reading.sounds[path] == nil else { return path }
    switch load(path) {
    case .success(let samples): section.reading.sounds[path] = samples
    case .failure(let fault): section.refuse(key, "\(expected); \(path) \(fault.reason)")
    }
    return path
  }

  static func load(_ path: String) -> Result<[Int16], WaveFile.ReadError> {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      return .failure(WaveFile.ReadError(reason: "cannot be opened"))
    }
    defer { try? handle.close() }
    guard let data = try? handle.read(upToCount: byteLimit + 1) else {
      return .failure(WaveFile.ReadError(reason: "cannot be read"))
    }
    guard data.count <= byteLimit else { return .failure(WaveFile.ReadError(reason: "is longer")) }
    return parse(Array(data))
  }

  static func parse(_ bytes: [UInt8]) -> Result<[Int16], WaveFile.ReadError> {
    let file: WaveFile
    do {
      file = try WaveFile(parsing: bytes)
    } catch {
      return .failure(error)
    }
    guard file.channelCount == 1 else {
      return .failure(WaveFile.ReadError(reason: "has \(file.channelCount) channels"))
    }
    guard file.bitsPerSample == 16 else {
      return .failure(WaveFile.ReadError(reason: "has \(file.bitsPerSample) bits a sample"))
    }
    guard fileRatesHz.contains(file.sampleRateHz) else {
      return .failure(WaveFile.ReadError(reason: "is at \(file.sampleRateHz) Hz"))
    }
    guard !file.samples.isEmpty else { return .failure(WaveFile.ReadError(reason: "holds no sound")) }
    let limit = maximumSeconds * sampleRateHz - tailSampleCount
    guard file.samples.count / file.sampleRateHz <= maximumSeconds else {
      return .failure(WaveFile.ReadError(reason: "is longer"))
    }
    let samples = file.samples(atHz: sampleRateHz).prefix(limit)
    return .success(samples + [Int16](repeating: 0, count: tailSampleCount))
  }
}
