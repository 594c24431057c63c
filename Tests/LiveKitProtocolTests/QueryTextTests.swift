import Testing

@testable import LiveKitProtocol

@Suite("The text of join queries")
struct QueryTextTests {
  private func request() -> Livekit_JoinRequest {
    var request = Livekit_JoinRequest()
    request.clientInfo.version = "0.1.0 a/b"
    request.clientInfo.protocol = 16
    request.clientInfo.os = "linux"
    request.connectionSettings.autoSubscribe = false
    request.participantAttributes = ["sip.callID": "SCL_1", "note": "ü & = ?"]
    return request
  }

  private func read(_ target: String) throws -> SignalQuery {
    let halves = target.split(separator: "?", maxSplits: 1).map(String.init)
    let path = try #require(["/rtc": SignalQuery.Path.classic, "/rtc/v1": .v1][halves[0]])
    let parameters = halves[1].split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      return (name: parts[0], value: parts[1].removingPercents)
    }
    return try SignalQuery(path: path, parameters: parameters)
  }

  @Test("what is written for one connection or two is read as the same", arguments: [true, false])
  func roundTrip(isSingle: Bool) throws {
    var request = request()
    let target = SignalQuery(joinRequest: request, isSinglePeerConnection: isSingle).target
    #expect(target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    #expect(try read(target).joinRequest == request)
    request.reconnect = true
    request.participantSid = "PA_x"
    request.reconnectReason = .rrPublisherFailed
    let again = SignalQuery(joinRequest: request, isSinglePeerConnection: isSingle).target
    #expect(try read(again).joinRequest == request)
    #expect(try read(again).isSinglePeerConnection == isSingle)
  }

  @Test("a long offer is compressed")
  func compression() throws {
    var request = request()
    request.publisherOffer.sdp = String(
      repeating: "a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\n", count: 200)
    let target = SignalQuery(joinRequest: request, isSinglePeerConnection: true).target
    #expect(target.utf8.count < 1_000)
    #expect(try read(target).joinRequest == request)
  }
}

extension String {
  fileprivate var removingPercents: String {
    var bytes: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
