import Audio
import Glibc
import Testing

@Suite("WAV files")
struct WaveFileTests {
  static func file(
    code: UInt16 = 1, channels: UInt16 = 1, rateHz: UInt32 = 8000, bits: UInt16 = 16, data: [UInt8],
    extra: [UInt8] = []
  ) -> [UInt8] {
    func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    func bytes(_ value: UInt16) -> [UInt8] { (0..<2).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    var format: [UInt8] = bytes(code) + bytes(channels) + bytes(rateHz)
    format += bytes(rateHz * UInt32(channels) * UInt32(bits / 8)) + bytes(channels * bits / 8) + bytes(bits)
    var result: [UInt8] = Array("RIFF".utf8) + bytes(UInt32(36 + data.count)) + Array("WAVE".utf8) + extra
    result += Array("fmt ".utf8) + bytes(UInt32(16)) + format
    return result + Array("data".utf8) + bytes(UInt32(data.count)) + data
  }

  static func pcm(_ samples: [Int16]) -> [UInt8] {
    samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  @Test("16-bit PCM is read as it stands, the first channel of several")
  func pcm16() throws {
    let mono = try WaveFile(parsing: Self.file(rateHz: 16_000, data: Self.pcm([1, -2, .max, .min])))
    #expect(mono.samples == [1, -2, .max, .min])
    #expect(mono.sampleRateHz == 16_000 && mono.channelCount == 1 && mono.bitsPerSample == 16)
    let stereo = try WaveFile(parsing: Self.file(channels: 2, data: Self.pcm([1, 9, 2, 9])))
    #expect(stereo.samples == [1, 2] && stereo.channelCount == 2)
  }

  @Test("A-law and µ-law are decoded")
  func laws() throws {
    #expect(try WaveFile(parsing: Self.file(code: 7, bits: 8, data: [0xFF, 0x80])).samples == [0, 32124])
    #expect(try WaveFile(parsing: Self.file(code: 6, bits: 8, data: [0xD5])).samples == [8])
  }

  @Test("other chunks are passed over, odd ones with their padding")
  func chunks() throws {
    let list: [UInt8] = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
    #expect(try WaveFile(parsing: Self.file(data: Self.pcm([5]), extra: list)).samples == [5])
  }

  @Test(
    "what cannot be played says why",
    arguments: [
      ([], "is no WAV file"), (Array("RIFF....WAVE".utf8), "holds no sound"),
      (file(code: 3, bits: 32, data: [0, 0, 0, 0]), "expected 16-bit PCM, A-law or µ-law, found format 3 of 32 bits"),
      (file(rateHz: 100, data: []), "1 channels at 100 Hz cannot be played"),
      (Array("RIFF....WAVEdata".utf8) + [0, 0, 0, 0], "its sound comes before its format"),
    ] as [([UInt8], String)])
  func errors(bytes: [UInt8], reason: String) {
    let error = #expect(throws: WaveFile.ReadError.self) { try WaveFile(parsing: bytes) }
    #expect(error?.reason == reason)
  }

  @Test("no cut of a file makes a trap")
  func cuts() {
    let whole = Self.file(data: Self.pcm(Array(repeating: 7, count: 50)))
    for length in 0..<whole.count { _ = try? WaveFile(parsing: Array(whole[..<length])) }
    for index in whole.indices {
      var changed = whole
      changed[index] = 0xFF
      _ = try? WaveFile(parsing: changed)
    }
  }
}

@Suite("Resampler")
struct ResamplerTests {
  private static func tone(_ hz: Double, rateHz: Int, seconds: Double = 1) -> [Int16] {
    (0..<Int(Double(rateHz) * seconds)).map {
      Int16((sin(2 * .pi * hz * Double($0) / Double(rateHz)) * 16_000).rounded())
    }
  }

  private static func rootMeanSquare(_ samples: ArraySlice<Int16>) -> Double {
    (samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(samples.count)).squareRoot()
  }

  @Test("what a phone can carry keeps its shape", arguments: [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
  func keeps(rateHz: Int) {
    let out = Resampler(fromHz: rateHz, toHz: 8_000).resample(Self.tone(1_000, rateHz: rateHz))
    #expect(abs(out.count - 8_000) <= 1)
    let expected = Self.tone(1_000, rateHz: 8_000)
    let error = zip(out, expected).dropFirst(100).dropLast(100).map { Int16(clamping: Int($0) - Int($1)) }
    #expect(Self.rootMeanSquare(error[...]) < 20, "60 dB below the tone")
  }

  @Test("what a phone cannot carry does not come back as another tone", arguments: [16_000, 44_100, 48_000])
  func aliases(rateHz: Int) {
    let out = Resampler(fromHz: rateHz, toHz: 8_000).resample(Self.tone(5_000, rateHz: rateHz))
    #expect(Self.rootMeanSquare(out[200..<out.count - 200]) < 16)
  }

  @Test("full scale saturates, and nothing gives nothing")
  func edges() {
    let loud = [Int16](repeating: .max, count: 4_000)
    #expect(Resampler(fromHz: 48_000, toHz: 8_000).resample(loud)[300] >= Int16.max - 1)
    #expect(Resampler(fromHz: 48_000, toHz: 8_000).resample([]) == [])
    #expect(Resampler(fromHz: 48_000, toHz: 8_000).resample([1, 2]) == [])
  }
}
