import Audio
import Capture
import Foundation
import RTP

/// The caller's voice from a capture: what codecs cost depends on what they code.
struct Speech {
  struct Unreadable: Error, CustomStringConvertible {
    let path: String
    var description: String { "\(path): no capture with PCMU speech in 20 ms packets" }
  }

  static let frameSampleCount = Mixer.frameSampleCount

  /// 8 kHz samples in whole frames of 20 ms.
  let samples: [Int16]

  init(capture path: String) throws {
    guard let file = FileManager.default.contents(atPath: path), let traffic = try? CapturedTraffic([UInt8](file)),
      let stream = traffic.rtpStreams.first
    else { throw Unreadable(path: path) }
    var samples: [Int16] = []
    for packet in stream.packets {
      guard let layout = packet.rtp, layout.header.payloadType == 0, layout.payload.count == Self.frameSampleCount
      else { continue }
      var frame = [Int16](repeating: 0, count: Self.frameSampleCount)
      var span = frame.mutableSpan
      G711.pcmu.decode(packet.payload.span.bytes.extracting(layout.payload), into: &span)
      samples += frame
    }
    guard !samples.isEmpty else { throw Unreadable(path: path) }
    self.samples = samples
  }

  var frameCount: Int { samples.count / Self.frameSampleCount }

  /// Where a frame lies in `samples`; the frames follow each other in a ring.
  func range(_ frame: Int) -> Range<Int> {
    let start = frame % frameCount * Self.frameSampleCount
    return start..<(start + Self.frameSampleCount)
  }

  /// The same sound at 48 kHz, as an agent's SDK encodes it: above the telephone's band it has breath, noise that
  /// follows the voice, or else an encoder would find out that there is nothing and code a telephone's band.
  var samplesAt48kHz: [Int16] {
    var (level, random, previous) = (0.0, UInt32(1), 0.0)
    return (0..<samples.count * 6).map { position in
      let (index, phase) = (position / 6, position % 6)
      let (from, to) = (Double(samples[index]), Double(samples[(index + 1) % samples.count]))
      level += (abs(from) - level) / 2000
      random = random &* 1_664_525 &+ 1_013_904_223
      let noise = (Double(random >> 8) / Double(1 << 23) - 1) * level * Self.breathLevel
      defer { previous = noise }
      // The difference of neighbours is a high-pass.
      return Int16(clamping: Int(from + (to - from) * Double(phase) / 6 + noise - previous))
    }
  }

  private static let breathLevel = 0.3
}
