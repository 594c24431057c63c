import Base
import Testing

@testable import Transport

/// A binding request as a full agent sends it.
struct Check {
  var username = "abcdEFG8:peer"
  var password = "passwordpasswordpassword"
  var isNominating = false
  var attributes: [(STUNAttribute, [UInt8])] = [(.priority, [0x6E, 0, 1, 0xFF]), (.iceControlling, [UInt8](1...8))]
  var transactionID = STUNMessage.TransactionID(high: 5, low: 6)

  var bytes: [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = buffer.withRaw { buffer in
      var writer = STUNWriter(.bindingRequest, transactionID, in: &buffer)
      writer.add(.username, Array(username.utf8), in: &buffer)
      for (type, value) in attributes { writer.add(type, value, in: &buffer) }
      if isNominating { writer.add(.useCandidate, [], in: &buffer) }
      writer.finish(key: STUNKey(password: password), in: &buffer)
      return writer.byteCount
    }
    return Array(buffer[..<count])
  }
}

@Suite("ICE lite")
struct ICETests {
  private let peer = Endpoint(IPAddress(v4: 0xC000_0201), 4000)
  private let other = Endpoint(IPAddress(v4: 0xC000_0202), 4001)

  private func makeAgent(remoteFragment: String? = "peer") throws -> ICELiteAgent {
    let fragment = try #require(ICEFragment("abcdEFG8"))
    return try #require(
      ICELiteAgent(
        localFragment: fragment, localPassword: "passwordpasswordpassword", remoteFragment: remoteFragment))
  }

  /// The response, empty when there is none.
  private func receive(
    _ bytes: [UInt8], from source: Endpoint, at seconds: Int = 0, by agent: inout ICELiteAgent
  ) -> [UInt8] {
    var response = [UInt8](repeating: 0, count: ICELiteAgent.maximumResponseByteCount)
    let answer = response.withRaw {
      agent.receive(bytes.span.bytes, from: source, now: .zero + .seconds(seconds), response: &$0)
    }
    if case .respond(let byteCount) = answer { return Array(response[..<byteCount]) }
    return []
  }

  @Test("a check is answered with its source and is proof of consent for 30 s")
  func answersCheck() throws {
    var agent = try makeAgent()
    #expect(!agent.hasConsent(at: .zero))
    let bytes = receive(Check().bytes, from: peer, at: 100, by: &agent)
    let response = try #require(STUNMessage(bytes: bytes))
    #expect(response.kind == .bindingSuccess)
    #expect(response.transactionID == Check().transactionID)
    #expect(response.xorMappedAddress == peer)
    #expect(response.isAuthentic(bytes: bytes, key: STUNKey(password: agent.localPassword)))
    #expect(agent.hasConsent(at: .zero + .milliseconds(129_999)))
    #expect(!agent.hasConsent(at: .zero + .seconds(130)))
  }

  @Test("the first check is taken until the peer nominates, and a later nomination moves it")
  func nominates() throws {
    var agent = try makeAgent()
    #expect(agent.selected == nil)
    _ = receive(Check().bytes, from: peer, by: &agent)
    _ = receive(Check().bytes, from: other, by: &agent)
    #expect(agent.selected == peer)
    #expect(!agent.isNominated)
    _ = receive(Check(isNominating: true).bytes, from: other, by: &agent)
    #expect(agent.selected == other)
    #expect(agent.isNominated)
    _ = receive(Check().bytes, from: peer, by: &agent)
    #expect(agent.selected == other)
    _ = receive(Check(isNominating: true).bytes, from: peer, by: &agent)
    #expect(agent.selected == peer)
  }

  @Test(
    "who does not know the password or the names gets no answer",
    arguments: [
      Check(username: "abcdEFG8:other"), Check(username: "abcdEFG9:peer"), Check(username: "abcdEFG8"),
      Check(username: "abcdEFG8:"), Check(username: ""), Check(username: "abcdEFG8peer"),
      Check(password: "passwordpasswordpasswore"), Check(password: ""),
    ])
  func ignoresStrangers(check: Check) throws {
    var agent = try makeAgent()
    let response = receive(check.bytes, from: peer, by: &agent)
    #expect(response.isEmpty)
    #expect(agent.selected == nil)
    #expect(agent.lastValidCheck == nil)
  }

  @Test("without a fragment of the peer's, any is taken")
  func anyRemoteFragment() throws {
    var agent = try makeAgent(remoteFragment: nil)
    #expect(!receive(Check(username: "abcdEFG8:whoever").bytes, from: peer, by: &agent).isEmpty)
    agent.setRemoteFragment("peer")
    #expect(receive(Check(username: "abcdEFG8:whoever").bytes, from: peer, by: &agent).isEmpty)
  }

  @Test(
    "role conflicts and attributes that need not be understood do no harm",
    arguments: [
      STUNAttribute.iceControlled, .iceControlling, STUNAttribute(0xC070), STUNAttribute(0xC057),
    ])
  func toleratesAttributes(type: STUNAttribute) throws {
    var agent = try makeAgent()
    let check = Check(attributes: [(.priority, [0, 0, 0, 1]), (type, [UInt8](repeating: 1, count: 8))])
    let bytes = receive(check.bytes, from: peer, by: &agent)
    #expect(STUNMessage(bytes: bytes)?.kind == .bindingSuccess)
  }

  @Test("an attribute that must be understood and is not earns 420, but only for who knows the password")
  func unknownAttribute() throws {
    var agent = try makeAgent()
    var check = Check(attributes: [(STUNAttribute(0x7FFF), [1, 2, 3])])
    let bytes = receive(check.bytes, from: peer, by: &agent)
    #expect(STUNMessage(bytes: bytes)?.errorCode == 420)
    #expect(agent.selected == nil)
    check.password = "no"
    #expect(receive(check.bytes, from: peer, by: &agent).isEmpty)
  }

  @Test("no check with a changed bit is answered")
  func mutatedBits() throws {
    var agent = try makeAgent()
    let check = Check(isNominating: true).bytes
    for bit in 0..<(8 * check.count) {
      var changed = check
      changed[bit / 8] ^= 1 << (bit % 8)
      let response = receive(changed, from: peer, by: &agent)
      #expect(response.isEmpty, "bit \(bit)")
    }
    #expect(agent.selected == nil)
    #expect(!receive(check, from: peer, by: &agent).isEmpty)
  }

  @Test("20,000 checks cut, grown, shuffled and overwritten are not answered", arguments: [1, 2] as [UInt64])
  func mutatedBytes(seed: UInt64) throws {
    var generator = RandomSource.seeded(seed)
    var agent = try makeAgent()
    let check = Check().bytes
    for round in 0..<10_000 {
      var changed = check
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: changed.removeLast(Int.random(in: 1...check.count, using: &generator))
      case 1: changed.append(contentsOf: (0..<Int.random(in: 1...64, using: &generator)).map { UInt8($0) })
      case 2: changed.swapAt(2, Int.random(in: 3..<check.count, using: &generator))
      case 3: changed.removeSubrange(20..<Int.random(in: 21...check.count, using: &generator))
      default:
        for _ in 0..<4 {
          changed[Int.random(in: 0..<check.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
      }
      if changed == check { continue }
      let response = receive(changed, from: peer, by: &agent)
      #expect(response.isEmpty, "seed \(seed), round \(round)")
    }
  }

  @Test("responses, indications and a request without fingerprint are not answered")
  func ignoresOtherMessages() throws {
    var agent = try makeAgent()
    for bytes in [RFC5769.ipv4Response, RFC5769.ipv6Response, RFC5769.longTermRequest, RFC5769.request] {
      #expect(receive(bytes, from: peer, by: &agent).isEmpty)
    }
    var unfingerprinted = Array(Check().bytes.dropLast(8))
    unfingerprinted[3] -= 8
    let message = try #require(STUNMessage(bytes: unfingerprinted))
    #expect(!message.hasFingerprint)
    #expect(receive(unfingerprinted, from: peer, by: &agent).isEmpty)
  }

  @Test("USE-CANDIDATE behind MESSAGE-INTEGRITY nominates nobody")
  func unprotectedNomination() throws {
    var buffer = [UInt8](repeating: 0, count: 256)
    let plain = Check().bytes
    // The protected message, its fingerprint taken off, then USE-CANDIDATE and a right fingerprint.
    let body = Array(plain.dropLast(8)) + [0x00, 0x25, 0x00, 0x00] + [0x80, 0x28, 0x00, 0x04, 0, 0, 0, 0]
    buffer.replaceSubrange(0..<body.count, with: body)
    buffer[3] = UInt8(body.count - 20)
    let value = STUNFingerprint.value(of: buffer.span.bytes, upTo: body.count - 8)
    buffer.withRaw { $0.set(value, at: body.count - 4) }
    var agent = try makeAgent()
    let response = receive(Array(buffer[..<body.count]), from: peer, by: &agent)
    #expect(!response.isEmpty)
    #expect(!agent.isNominated)
  }

  @Test("after a restart the old password is worthless, and the pair stays until the new one proves another")
  func restarts() throws {
    var agent = try makeAgent()
    _ = receive(Check(isNominating: true).bytes, from: peer, by: &agent)
    let fragment = try #require(ICEFragment("ijklMNO9"))
    var isRestarted = agent.restart(localFragment: fragment, localPassword: "short", remoteFragment: "peer")
    #expect(!isRestarted)
    #expect(agent.localFragment.description == "abcdEFG8")
    let password = "PASSWORDPASSWORDPASSWORD"
    isRestarted = agent.restart(localFragment: fragment, localPassword: password, remoteFragment: "two")
    #expect(isRestarted)
    #expect(agent.selected == peer)
    #expect(!agent.isNominated)
    #expect(receive(Check().bytes, from: other, by: &agent).isEmpty)
    let check = Check(username: "ijklMNO9:two", password: password)
    #expect(!receive(check.bytes, from: other, by: &agent).isEmpty)
    #expect(agent.selected == other)
  }

  @Test("a fragment is found in a check without proof, and in nothing else")
  func fragmentOfDatagram() throws {
    #expect(ICEFragment(addressedByBytes: Check().bytes) == ICEFragment("abcdEFG8"))
    #expect(ICEFragment(addressedByBytes: Check(username: "abcd:peer").bytes) == nil)
    #expect(ICEFragment(addressedByBytes: RFC5769.ipv4Response) == nil)
    #expect(ICEFragment(addressedByBytes: [UInt8](repeating: 0, count: 40)) == nil)
  }

  @Test("credentials are random, long enough and made of ICE characters")
  func randomCredentials() {
    var generator = RandomSource.seeded(4)
    let agents = (0..<50).map { _ in ICELiteAgent(using: &generator) }
    #expect(Set(agents.map(\.localFragment)).count == 50)
    #expect(Set(agents.map(\.localPassword)).count == 50)
    for agent in agents {
      #expect(agent.localPassword.utf8.count == 24)
      #expect(agent.localPassword.utf8.allSatisfy(ICECharacters.contains))
      #expect(ICEFragment(agent.localFragment.description) == agent.localFragment)
    }
    #expect(ICEFragment("abc") == nil)
    #expect(ICEFragment("abcdef g") == nil)
  }
}
