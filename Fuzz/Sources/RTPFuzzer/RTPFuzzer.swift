import Base
import FuzzDriver
import RTP

@main
enum RTPFuzzer {
  static func main() { fuzz(parse) }
}

/// Two bytes of time and length before each packet: a stream of RTP for the reorderer and the jitter buffer.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  var now = MonotonicTime(nanoseconds: 1)
  var reorderer = Reorderer()
  var buffer = JitterBuffer(JitterBuffer.Configuration(clockRateHz: 48_000))
  var statistics = 0
  var offset = 0
  while offset + 2 <= input.count {
    now += .milliseconds(Int(input[offset]))
    let end = min(input.count, offset + 2 + Int(input[offset + 1]))
    let packet = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: input[(offset + 2)..<end]))
    offset = end
    _ = DatagramKind(packet)
    guard let layout = RTPLayout.parse(packet) else { continue }
    let payload = packet.extracting(layout.payload)
    _ = reorderer.insert(layout.header, payload: payload, durationTicks: payload.byteCount, at: now)
    while let output = reorderer.next(at: now) { statistics &+= "\(output)".utf8.count }
    _ = buffer.insert(layout.header, payload: payload, durationTicks: payload.byteCount * 6, at: now)
    if case .packet(let packet) = buffer.next(at: now, wanted: 960) {
      buffer.withPayload(of: packet) { statistics &+= $0.byteCount }
    }
    precondition(buffer.bufferedDuration <= .seconds(60), "the jitter buffer holds \(buffer.bufferedDuration)")
  }
  return 0
}
