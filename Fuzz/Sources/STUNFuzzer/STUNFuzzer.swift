import Base
import FuzzDriver
import Transport

@main
enum STUNFuzzer {
  static func main() { fuzz(parse) }
}

/// Agents that nobody has told their passwords answer nothing, take nothing and never trap.
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
    checkFull(fragment, datagram, response: &span)
  }
  return 0
}

private func checkFull(_ fragment: ICEFragment, _ datagram: RawSpan, response: inout MutableRawSpan) {
  let path = ICEPath(ICEBaseID(rawValue: 0), Endpoint(.loopbackV4, 4242))
  guard
    var agent = ICEAgent(
      localFragment: fragment, localPassword: "ThisIsTheOtherPassword99", remoteFragment: "peer",
      remotePassword: "ThatIsTheSecretOfThePeer", isControlling: true, tieBreaker: 1, random: .seeded(1))
  else { return }
  agent.add(ICEBase(id: path.base))
  agent.addRemoteCandidates([ICECandidate(foundation: "1", priority: 1, endpoint: path.remote)])
  var check = [UInt8](repeating: 0, count: ICEAgent.maximumCheckByteCount)
  check.withUnsafeMutableBytes { bytes in
    var span = MutableRawSpan(_unsafeBytes: bytes)
    _ = agent.nextCheck(at: MonotonicTime(nanoseconds: 1), into: &span)
  }
  let answer = agent.receive(datagram, over: path, at: MonotonicTime(nanoseconds: 2), response: &response)
  precondition(answer == .ignore && agent.selected == nil, "a message without the password was taken")
}
