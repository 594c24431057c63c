/// The sound of a WAV file: 16-bit PCM, A-law or µ-law.
public struct WaveFile: Sendable {
  /// Why the bytes are no sound that can be used, to follow "expected a WAV file" or a file name.
  public struct ReadError: Error, Hashable, Sendable {
    public let reason: String

    public init(reason: String) { self.reason = reason }
  }

  public let sampleRateHz: Int
  public let channelCount: Int
  public let bitsPerSample: Int
  /// Of the first channel.
  public let samples: [Int16]

  private struct Format {
    var code: UInt16
    var channelCount: Int
    var sampleRateHz: Int
    var bitsPerSample: Int
  }

  /// Reads a whole file; a data chunk that promises more than there is ends with the file.
  public init(parsing bytes: [UInt8]) throws(ReadError) {
    guard bytes.count >= 12, bytes.text(at: 0) == "RIFF", bytes.text(at: 8) == "WAVE" else {
      throw ReadError(reason: "is no WAV file")
    }
    var format: Format?
    var offset = 12
    while offset + 8 <= bytes.count {
      let size = Int(bytes.number32(at: offset + 4))
      let body = offset + 8..<min(offset + 8 + size, bytes.count)
      if bytes.text(at: offset) == "fmt ", body.count >= 16 { format = Self.format(bytes, body) }
      if bytes.text(at: offset) == "data" {
        guard let format else { throw ReadError(reason: "its sound comes before its format") }
        samples = try Self.samples(bytes[body], format)
        (sampleRateHz, channelCount) = (format.sampleRateHz, format.channelCount)
        bitsPerSample = format.bitsPerSample
        return
      }
      // Chunks are padded to an even length.
      offset = offset + 8 + size + size % 2
    }
    throw ReadError(reason: "holds no sound")
  }

  /// The first channel at another rate.
  public func samples(atHz rateHz: Int) -> [Int16] {
    Resampler(fromHz: sampleRateHz, toHz: rateHz).resample(samples)
  }

  private static func format(_ bytes: [UInt8], _ body: Range<Int>) -> Format {
    var code = bytes.number16(at: body.lowerBound)
    // WAVE_FORMAT_EXTENSIBLE: the code stands at the start of the sub-format.
    if code == 0xFFFE, body.count >= 26 { code = bytes.number16(at: body.lowerBound + 24) }
    return Format(
      code: code, channelCount: Int(bytes.number16(at: body.lowerBound + 2)),
      sampleRateHz: Int(bytes.number32(at: body.lowerBound + 4)),
      bitsPerSample: Int(bytes.number16(at: body.lowerBound + 14)))
  }

  private static func samples(_ data: ArraySlice<UInt8>, _ format: Format) throws(ReadError) -> [Int16] {
    guard format.channelCount > 0, (4000...192_000).contains(format.sampleRateHz) else {
      throw ReadError(reason: "\(format.channelCount) channels at \(format.sampleRateHz) Hz cannot be played")
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
      throw ReadError(
        reason: "expected 16-bit PCM, A-law or µ-law, found format \(format.code) of \(format.bitsPerSample) bits")
    }
  }
}

extension [UInt8] {
  fileprivate func text(at offset: Int) -> String { String(decoding: self[offset..<offset + 4], as: UTF8.self) }

  fileprivate func number16(at offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }

  fileprivate func number32(at offset: Int) -> UInt32 {
    UInt32(number16(at: offset)) | UInt32(number16(at: offset + 2)) << 16
  }
}
