import Base
import FuzzDriver
import Transport

@main
enum STUNFuzzer {
  static func main() { fuzz(parse) }
}

/// An agent that nobody has told its password answers nothing and never traps.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let datagram = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count))
  guard let fragment = ICEFragment("AbCdEfGh"),
    var agent = ICELiteAgent(localFragment: fragment, localPassword: "ThisIsTheOtherPassword99")
  else { return 0 }
  _ = ICEFragment(addressedBy: datagram)
  var response = [UInt8](repeating: 0, count: ICELiteAgent.maximumResponseByteCount)
  response.withUnsafeMutableBytes { bytes in
    var span = MutableRawSpan(_unsafeBytes: bytes)
    let answer = agent.receive(
      datagram, from: Endpoint(.loopbackV4, 4242), now: MonotonicTime(nanoseconds: 1), response: &span)
    precondition(answer == .ignore, "a check without the password was answered")
  }
  return 0
}
