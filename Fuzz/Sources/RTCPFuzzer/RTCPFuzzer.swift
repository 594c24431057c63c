import Base
import FuzzDriver
import RTP

@main
enum RTCPFuzzer {
  static func main() { fuzz(parse) }
}

private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let datagram = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count))
  var reader = RTCP.Reader()
  var packets = 0
  while let packet = reader.next(in: datagram) {
    packets += 1
    precondition(packets <= count / 4 + 1, "more packets than bytes can hold")
    switch packet {
    case .senderReport(_, let blocks), .receiverReport(_, let blocks):
      for index in 0..<blocks.count { _ = blocks.block(index, in: datagram) }
    case .nack(_, _, let entries):
      var asked = 0
      entries.forEachSequenceNumber(in: datagram) { _ in asked += 1 }
      precondition(asked <= count * 5, "\(asked) sequence numbers from \(count) bytes")
    default: break
    }
  }
  return 0
}
