import Base
import Testing

@testable import Transport

@Suite("ICE, messages")
struct ICEMessageTests {
  /// A client that has sent a check, the check, and the server's response to it.
  private func exchange() throws -> (pair: ICEDuo, check: [UInt8], response: [UInt8]) {
    let pair = try ICEDuo(clientCandidates: [ICEDuo.candidate(ICEDuo.clientEndpoint)])
    let now = pair.network.now
    var buffer = [UInt8](repeating: 0, count: ICEAgent.maximumCheckByteCount)
    let sent = try #require(pair.client.with { agent in buffer.withRaw { agent.nextCheck(at: now, into: &$0) } } ?? nil)
    let check = Array(buffer[..<sent.byteCount])
    let answer = pair.server.with { agent in
      buffer.withRaw {
        agent.receive(check.span.bytes, over: ICEPath(ICEDuo.host, ICEDuo.clientEndpoint), at: now, response: &$0)
      }
    }
    guard case .respond(let byteCount) = answer else { throw NotMade() }
    return (pair, check, Array(buffer[..<byteCount]))
  }

  private func receive(
    _ bytes: [UInt8], by node: ICENetwork.Node, from source: Endpoint, at now: MonotonicTime
  ) -> ICEAgent.Answer? {
    var response = [UInt8](repeating: 0, count: ICEAgent.maximumResponseByteCount)
    return node.with { agent in
      response.withRaw { agent.receive(bytes.span.bytes, over: ICEPath(ICEDuo.host, source), at: now, response: &$0) }
    }
  }

  @Test("a check or a response with a changed bit changes nothing")
  func mutatedBits() throws {
    let (pair, check, response) = try exchange()
    let now = pair.network.now
    for bit in 0..<(8 * check.count) {
      var changed = check
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(receive(changed, by: pair.server, from: ICEDuo.clientEndpoint, at: now) == .ignore, "bit \(bit)")
    }
    // What follows MESSAGE-INTEGRITY is not protected: a wrong FINGERPRINT is refused all the same.
    for bit in 0..<(8 * response.count) {
      var changed = response
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(receive(changed, by: pair.client, from: ICEDuo.serverEndpoint, at: now) == .ignore, "bit \(bit)")
    }
    #expect(pair.client.selected == nil)
    #expect(receive(response, by: pair.client, from: ICEDuo.serverEndpoint, at: now) == .accepted)
    #expect(pair.client.selected == ICEDuo.serverEndpoint)
  }

  @Test("a response counts once, from where the check went, and only if there was one")
  func responses() throws {
    let (pair, _, response) = try exchange()
    let now = pair.network.now
    let elsewhere = Endpoint(ICEDuo.serverEndpoint.address, 1)
    #expect(receive(response, by: pair.client, from: elsewhere, at: now) == .ignore)
    #expect(receive(response, by: pair.server, from: ICEDuo.clientEndpoint, at: now) == .ignore)
    #expect(receive(response, by: pair.client, from: ICEDuo.serverEndpoint, at: now) == .accepted)
    #expect(receive(response, by: pair.client, from: ICEDuo.serverEndpoint, at: now) == .ignore)
  }

  @Test("a check without PRIORITY earns 400, one with an unknown attribute 420")
  func failures() throws {
    let pair = try ICEDuo()
    let username = "\(pair.serverSecrets.fragment):\(pair.clientSecrets.fragment)"
    for (attributes, code) in [
      ([], 400), ([(.priority, [0, 0, 0, 1]), (STUNAttribute(0x7FFF), [1])], 420), ([(.priority, [0, 0, 0, 1])], nil),
    ] as [([(STUNAttribute, [UInt8])], Int?)] {
      let check = Check(username: username, password: pair.serverSecrets.password, attributes: attributes)
      var response = [UInt8](repeating: 0, count: ICEAgent.maximumResponseByteCount)
      let answer = pair.server.with { agent in
        response.withRaw {
          agent.receive(
            check.bytes.span.bytes, over: ICEPath(ICEDuo.host, ICEDuo.clientEndpoint), at: .zero, response: &$0)
        }
      }
      guard case .respond(let count) = answer else { throw NotMade() }
      #expect(STUNMessage(bytes: Array(response[..<count]))?.errorCode == code)
      #expect(pair.server.full?.remotes.count == (code == nil ? 1 : 0))
    }
  }

  @Test("a peer that checks from a thousand addresses keeps its place and fills nothing")
  func manyAddresses() throws {
    let pair = try ICEDuo()
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let username = "\(pair.serverSecrets.fragment):\(pair.clientSecrets.fragment)"
    for index in 1...1_000 as ClosedRange<UInt32> {
      var check = Check(username: username, password: pair.serverSecrets.password)
      check.transactionID.high = index
      let source = Endpoint(IPAddress(v4: 0x0A00_0000 + index), 5000)
      guard case .respond? = receive(check.bytes, by: pair.server, from: source, at: pair.network.now) else {
        throw NotMade()
      }
    }
    #expect(pair.server.full?.remotes.count ?? 0 <= ICEAgent.maximumRemoteCandidateCount)
    #expect(pair.server.full?.pairs.count ?? 0 <= ICEAgent.maximumPairCount)
    #expect(pair.server.selected == ICEDuo.clientEndpoint)
    pair.network.run(.seconds(10))
    #expect(pair.server.selected == ICEDuo.clientEndpoint && pair.silence < .seconds(2))
  }
}
