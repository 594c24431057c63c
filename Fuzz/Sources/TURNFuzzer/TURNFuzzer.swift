import Base
import FuzzDriver
import Transport

@main
enum TURNFuzzer {
  static func main() { fuzz(converse) }
}

/// What a TURN server may send: messages of two bytes of length each, in a stream or not. Those whose first byte has its
/// highest bit set get the transaction of the client's last request, as only an answer has it.
private func converse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeRawBufferPointer(start: start, count: count))
  for framing in [StreamFraming.turn, .rfc4571] { frames(input, framing) }
  var client = TURNClient(username: "user", password: "secret", isStream: false, random: .seeded(1))
  var request = [UInt8](repeating: 0, count: TURNClient.maximumRequestByteCount)
  var now = MonotonicTime(nanoseconds: 1)
  var rest = input[...]
  while rest.count >= 3 {
    let isAnswer = rest[rest.startIndex] & 0x80 != 0
    let length = Int(rest[rest.startIndex] & 0x7F) << 8 | Int(rest[rest.startIndex + 1])
    var message = Array(rest.dropFirst(2).prefix(length))
    rest = rest.dropFirst(2 + length)
    now += .milliseconds(20)
    request.withUnsafeMutableBytes { bytes in
      var span = MutableRawSpan(_unsafeBytes: bytes)
      _ = client.nextRequest(at: now, into: &span)
    }
    if isAnswer, message.count >= 20 { message.replaceSubrange(8..<20, with: request[8..<20]) }
    receive(message, by: &client, at: now)
  }
  return 0
}

private func receive(_ message: [UInt8], by client: inout TURNClient, at now: MonotonicTime) {
  let event = message.withUnsafeBytes { client.receive(RawSpan(_unsafeBytes: $0), at: now) }
  guard case .packet(let peer, let range) = event else { return }
  precondition(range.lowerBound >= 4 && range.upperBound <= message.count, "a packet outside its message")
  var slot = Array(message[range]) + [UInt8](repeating: 0, count: 64)
  let byteCount = slot.withUnsafeMutableBytes { client.wrap($0, byteCount: range.count, for: peer) }
  precondition(byteCount <= slot.count)
}

private func frames(_ input: [UInt8], _ framing: StreamFraming) {
  var start = 0
  while start < input.count {
    let frame = input[start...].withUnsafeBytes { framing.first(in: RawSpan(_unsafeBytes: $0)) }
    guard case .packet(let range, let end) = frame else { return }
    precondition(end > 0 && range.upperBound <= end && start + end <= input.count, "a frame outside its stream")
    start += end
  }
}
