import Base
import FuzzDriver
import RTP

@main
enum TelephoneEventFuzzer {
  static func main() { fuzz(parse) }
}

/// Eight bytes an event packet: time, sequence, timestamp, payload.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  var receiver = TelephoneEventReceiver(clockRateHz: 8000)
  var now = MonotonicTime(nanoseconds: 1)
  var digits = 0
  var packets = 0
  var offset = 0
  while offset + 8 <= input.count {
    now += .milliseconds(Int(input[offset]))
    let header = RTPHeader(
      marker: input[offset + 1] & 0x80 != 0, payloadType: 101, sequenceNumber: UInt16(input[offset + 2]) << 8,
      timestamp: UInt32(input[offset + 3]) << 7, ssrc: UInt32(input[offset + 1] & 1))
    let payload = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: input[(offset + 4)..<(offset + 8)]))
    if receiver.receive(header, payload: payload, at: now) != nil { digits += 1 }
    _ = receiver.isSounding(at: now)
    packets += 1
    offset += 8
  }
  precondition(digits <= packets, "\(digits) digits from \(packets) packets")
  return 0
}
