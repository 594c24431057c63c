import Audio
import CSpanDSP

/// G.711 by table beside spandsp's arithmetic, a frame of 160 samples at a time.
enum G711Benchmark {
  private static let group = "G.711, a frame of 160 samples"
  private static let calls = 20_000

  static func run(_ speech: Speech, _ stopwatch: Stopwatch, _ report: inout Report) {
    for (name, law) in [("µ-law", G711.pcmu), ("A-law", G711.pcma)] {
      let encode = encode(law, speech, stopwatch)
      let spandspEncode = encodeBySpanDSP(law, speech, stopwatch)
      report.add(group, "\(name) encode", encode, "ns", note: ratio(spandspEncode, encode))
      report.add(group, "\(name) encode, spandsp", spandspEncode, "ns")
      let decode = decode(law, speech, stopwatch)
      let spandspDecode = decodeBySpanDSP(law, speech, stopwatch)
      report.add(group, "\(name) decode", decode, "ns", note: ratio(spandspDecode, decode))
      report.add(group, "\(name) decode, spandsp", spandspDecode, "ns")
    }
  }

  private static func ratio(_ other: Double, _ own: Double) -> String {
    "spandsp takes \((other / own * 10).rounded() / 10) times as long"
  }

  private static func encode(_ law: G711, _ speech: Speech, _ stopwatch: Stopwatch) -> Double {
    var packet = [UInt8](repeating: 0, count: Speech.frameSampleCount)
    return stopwatch.nanoseconds(calls: calls) { call in
      var elements = packet.mutableSpan
      var bytes = elements.mutableBytes
      law.encode(speech.samples.span.extracting(speech.range(call)), into: &bytes)
      consume(packet[call % packet.count])
    }
  }

  private static func encodeBySpanDSP(_ law: G711, _ speech: Speech, _ stopwatch: Stopwatch) -> Double {
    var packet = [UInt8](repeating: 0, count: Speech.frameSampleCount)
    return stopwatch.nanoseconds(calls: calls) { call in
      let frame = speech.samples.span.extracting(speech.range(call))
      packet.withUnsafeMutableBufferPointer { packet in
        if law == .pcmu {
          for index in frame.indices { packet[index] = linear_to_ulaw(Int32(frame[unchecked: index])) }
        } else {
          for index in frame.indices { packet[index] = linear_to_alaw(Int32(frame[unchecked: index])) }
        }
      }
      consume(packet[call % packet.count])
    }
  }

  private static func encoded(_ law: G711, _ speech: Speech) -> [UInt8] {
    var octets = [UInt8](repeating: 0, count: speech.samples.count)
    var elements = octets.mutableSpan
    var bytes = elements.mutableBytes
    law.encode(speech.samples.span, into: &bytes)
    return octets
  }

  private static func decode(_ law: G711, _ speech: Speech, _ stopwatch: Stopwatch) -> Double {
    let octets = encoded(law, speech)
    var frame = [Int16](repeating: 0, count: Speech.frameSampleCount)
    return stopwatch.nanoseconds(calls: calls) { call in
      let start = call % speech.frameCount * frame.count
      var samples = frame.mutableSpan
      law.decode(octets.span.bytes.extracting(start..<(start + Speech.frameSampleCount)), into: &samples)
      consume(frame[call % frame.count])
    }
  }

  private static func decodeBySpanDSP(_ law: G711, _ speech: Speech, _ stopwatch: Stopwatch) -> Double {
    let octets = encoded(law, speech)
    var frame = [Int16](repeating: 0, count: Speech.frameSampleCount)
    return stopwatch.nanoseconds(calls: calls) { call in
      let start = call % speech.frameCount * Speech.frameSampleCount
      octets.withUnsafeBufferPointer { octets in
        frame.withUnsafeMutableBufferPointer { frame in
          if law == .pcmu {
            for index in 0..<frame.count { frame[index] = ulaw_to_linear(octets[start + index]) }
          } else {
            for index in 0..<frame.count { frame[index] = alaw_to_linear(octets[start + index]) }
          }
        }
      }
      consume(frame[call % frame.count])
    }
  }
}
