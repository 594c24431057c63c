import Audio
import Base
import Foundation
import RTP
import Testing

@testable import Phone

@Suite("sound of the test phone")
struct DialSoundTests {
  private func sine(_ frequencyHz: Double, amplitude: Double, count: Int) -> [Int16] {
    (0..<count).map { Int16(sin(2 * .pi * frequencyHz * Double($0) / 8000) * amplitude * 32_767) }
  }

  private func header(_ timestamp: Int, ssrc: UInt32 = 1) -> RTPHeader {
    RTPHeader(payloadType: 0, sequenceNumber: 0, timestamp: UInt32(truncatingIfNeeded: timestamp), ssrc: ssrc)
  }

  private func recording(_ samples: [Int16], skipping lost: Set<Int> = [], start: Int = 1000) -> DialRecording {
    var recording = DialRecording()
    for (index, offset) in stride(from: 0, to: samples.count - 159, by: 160).enumerated() where !lost.contains(index) {
      recording.add(
        Array(samples[offset..<offset + 160]), header(start + offset), at: .zero + .milliseconds(20 * index))
    }
    return recording
  }

  @Test("frequency and level of a tone", arguments: [(100.0, 0.5), (425, 0.1), (1004, 0.9), (3400, 0.02)])
  func estimate(frequencyHz: Double, amplitude: Double) {
    let heard = recording(sine(frequencyHz, amplitude: amplitude, count: 16_000)).heard
    #expect(abs((heard.frequencyHz ?? 0) - frequencyHz) <= 0.5)
    #expect(abs((heard.levelDecibels ?? 0) - (20 * log10(amplitude) - 3.01)) < 0.1)
    #expect(heard.silentShare == 0 && heard.seconds == 2)
  }

  @Test("a lost packet is a gap and shortens nothing; the timestamp may wrap")
  func gap() {
    let sound = sine(1000, amplitude: 0.5, count: 8000)
    let recording = recording(sound, skipping: [10, 11], start: Int(UInt32.max) - 500)
    #expect(recording.samples.count == 8000)
    #expect(Array(recording.samples[..<1600]) == Array(sound[..<1600]))
    #expect(recording.samples[1600..<1920].allSatisfy { $0 == 0 })
    #expect(Array(recording.samples[1920...]) == Array(sound[1920...]))
    #expect(abs(recording.heard.silentShare - 2.0 / 50) < 0.001)
  }

  @Test("another source or a leap in time goes on where it arrives")
  func jump() {
    var recording = DialRecording()
    let frame = [Int16](repeating: 1000, count: 160)
    recording.add(frame, header(0), at: .zero)
    recording.add(frame, header(77_777_777, ssrc: 2), at: .zero + .milliseconds(20))
    recording.add(frame, header(5), at: .zero + .milliseconds(40))
    #expect(recording.samples.count == 480 && recording.samples.allSatisfy { $0 == 1000 })
    // Before the beginning: not kept.
    recording.add(frame, header(5 - 8000), at: .zero + .milliseconds(60))
    #expect(recording.samples.count == 480)
  }

  @Test("silence has no level and no frequency")
  func silence() {
    let heard = recording([Int16](repeating: 3, count: 8000)).heard
    #expect(heard.levelDecibels == nil && heard.frequencyHz == nil && heard.silentShare == 1)
    #expect(DialRecording().heard == DialReport.Heard())
  }

  @Test("a recording is read as it was written")
  func roundTrip() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "wave-\(UUID().uuidString).wav").path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let samples: [Int16] = [0, 1, -1, .max, .min, 12345]
    try DialWaveFile.write(samples, to: path)
    #expect(try DialWaveFile.read(path) == samples)
    #expect(throws: DialError.self) { try DialWaveFile.write(samples, to: "/nowhere/a.wav") }
  }

  private func wave(
    code: Int = 1, channels: Int = 1, rateHz: Int = 8000, bits: Int = 16, data: [UInt8], before: [UInt8] = []
  ) -> [UInt8] {
    func two(_ value: Int) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8 & 0xFF)] }
    func four(_ value: Int) -> [UInt8] { two(value & 0xFFFF) + two(value >> 16) }
    let format =
      two(code) + two(channels) + four(rateHz) + four(rateHz * channels * bits / 8) + two(channels * bits / 8)
    return Array("RIFF".utf8) + four(0) + Array("WAVE".utf8) + before + Array("fmt ".utf8) + four(16) + format
      + two(bits)
      + Array("data".utf8) + four(data.count) + data
  }

  @Test("channels, rates and laws")
  func formats() throws {
    #expect(try DialWaveFile.parse(wave(channels: 2, data: [1, 0, 9, 9, 2, 0, 9, 9]), path: "") == [1, 2])
    #expect(try DialWaveFile.parse(wave(code: 7, bits: 8, data: [0xFF, 0x80]), path: "") == [0, 32_124])
    #expect(try DialWaveFile.parse(wave(code: 6, bits: 8, data: [0xD5]), path: "") == [8])
    #expect(try DialWaveFile.parse(wave(rateHz: 16_000, data: [2, 0, 4, 0, 6, 0, 8, 0]), path: "").count == 2)
    #expect(try DialWaveFile.parse(wave(rateHz: 4000, data: [0, 0, 10, 0]), path: "").count == 4)
    let list = Array("LIST".utf8) + [3, 0, 0, 0] + [1, 2, 3, 0]
    #expect(try DialWaveFile.parse(wave(data: [7, 0], before: list), path: "") == [7])
  }

  @Test("what is no WAV file is an error and no trap")
  func malformed() {
    let whole = wave(data: [1, 0, 2, 0, 3, 0])
    for count in 0..<whole.count {
      // Cut anywhere: an error, or less sound.
      _ = try? DialWaveFile.parse(Array(whole[..<count]), path: "cut")
    }
    for bytes in [
      [], Array("RIFF1234WAVE".utf8), wave(bits: 24, data: [0]), wave(channels: 0, data: [0, 0]),
      wave(rateHz: 1, data: [0, 0]),
    ] {
      #expect(throws: DialError.self) { try DialWaveFile.parse(bytes, path: "bad") }
    }
  }
}
