import Base
import FuzzDriver
import LiveKitProtocol
import RoomCore
import SDP

@main
enum SignallingFuzzer {
  static func main() { fuzz(parse) }
}

/// Two participants of one room; the input is their signalling requests, one byte of who and two of length before each.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = UnsafeRawBufferPointer(start: start, count: count)
  let address = MediaAddress(
    candidates: [Endpoint(.loopbackV4, 7882)], fingerprint: Array(repeating: 7, count: 32))
  var core = RoomServerCore(
    configuration: RoomServerConfiguration(mediaAddresses: [address], unixMillisecondsAtZero: 0))
  var now = MonotonicTime(nanoseconds: 1)
  for number in 1...2 {
    var grants = Grants(identity: "p\(number)", name: "p\(number)")
    grants.video.roomJoin = true
    grants.video.room = "room"
    let query = SignalQuery(joinRequest: Livekit_JoinRequest(), isSinglePeerConnection: number == 1)
    _ = core.handle(.join(SessionID(rawValue: UInt64(number)), JoinIntent(grants: grants, query: query)), now: now)
  }
  var offset = 0
  while offset + 3 <= input.count {
    let end = min(input.count, offset + 3 + Int(input[offset + 1]) << 8 + Int(input[offset + 2]))
    let bytes = Array(input[(offset + 3)..<end])
    let session = SessionID(rawValue: UInt64(input[offset] & 1) + 1)
    let coding: SignalCoding = input[offset] & 2 == 0 ? .protobuf : .json
    offset = end
    now += .milliseconds(20)
    if let request = coding.decode(bytes, as: Livekit_SignalRequest.self) {
      for action in core.handle(.request(session, request), now: now) {
        if case .send(_, let message) = action { precondition(coding.encode(message) != nil, "no encoding") }
      }
    }
    _ = core.handle(.data(MediaTransportID(rawValue: UInt64(session.rawValue)), label: "_reliable", bytes), now: now)
  }
  _ = SignalQueryProbe.decode(input)
  return 0
}

/// Join requests in the query, compressed ones among them.
enum SignalQueryProbe {
  static func decode(_ input: UnsafeRawBufferPointer) -> Bool {
    let text = String(decoding: input, as: UTF8.self)
    return (try? SignalQuery(path: .v1, parameters: [(name: "join_request", value: text)])) != nil
  }
}
