import Base
import SIP
import Testing

@Suite("TCP connections", .serialized, .timeLimit(.minutes(1)))
struct ConnectionTests {
  private static let partial =
    "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a"

  @Test("a connection that says nothing, or half a message, is closed", arguments: ["", partial])
  func idle(text: String) async throws {
    let test = try await TestAgent {
      $0.tcpIdleTimeout = .milliseconds(500)
      $0.partialMessageTimeout = .milliseconds(500)
    }
    let peers = try await connect(50, to: test)
    for peer in peers { peer.send(text) }
    for peer in peers { #expect(await peer.isEnded(within: 5)) }
  }

  @Test("a byte now and then does not keep a connection, nor do keepalives", arguments: ["x", "\r\n\r\n"])
  func drip(text: String) async throws {
    let test = try await TestAgent {
      $0.tcpIdleTimeout = .milliseconds(900)
      $0.partialMessageTimeout = .milliseconds(900)
    }
    let peer = try RawPeer(to: await test.endpoint, tcp: true)
    if text == "x" { peer.send(Self.partial) }
    var isClosed = false
    for _ in 0..<30 where !isClosed {
      peer.send(text)
      // Pongs are read on the way.
      isClosed = await peer.isEnded(within: 0.2)
    }
    #expect(isClosed)
  }

  @Test("a connection that serves a call stays, and goes when the call is over")
  func servesCall() async throws {
    let test = try await TestAgent { $0.tcpIdleTimeout = .seconds(1) }
    let peer = try RawPeer(to: await test.endpoint, tcp: true)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    #expect(await !peer.isEnded(within: 3))
    caller.next()
    peer.send(caller.request("BYE"))
    #expect(await peer.answer(to: caller, "BYE") != nil)
    #expect(await peer.isEnded(within: 5))
  }

  @Test("the connection that answered our call stays too")
  func servesOurCall() async throws {
    let callee = try await TestAgent { $0.tcpIdleTimeout = .seconds(1) }
    let caller = try await TestAgent { $0.tcpIdleTimeout = .seconds(1) }
    let uri = "sip:100@\(await callee.endpoint);transport=tcp"
    let id = await caller.place(OutgoingInvite(uri: uri, from: "sip:a@b.test", sdp: Caller.offer))
    _ = await callee.event { if case .acknowledged = $0 { true } else { false } }
    let clock = ContinuousClock()
    let end = clock.now + .seconds(4)
    while clock.now < end { await callee.pause() }
    #expect(await callee.statistics.tcpConnections == 1)
    await caller.agent?.hangUp(id)
    #expect(await callee.terminated() == .remoteBye)
    while await callee.statistics.tcpConnections > 0 { await callee.pause() }
  }

  @Test("a connection that the peer leaves in the middle of a message goes with its call")
  func abandoned() async throws {
    let test = try await TestAgent {
      $0.tcpIdleTimeout = .seconds(1)
      $0.t1 = .milliseconds(20)
    }
    do {
      let peer = try RawPeer(to: await test.endpoint, tcp: true)
      var caller = Caller(await test.endpoint, peer)
      caller.contact = "<sip:caller@127.0.0.1:9;transport=tcp>"
      _ = try #require(await peer.establish(&caller))
      _ = await test.event { if case .acknowledged = $0 { true } else { false } }
      while await test.statistics.tcpConnections == 0 { await test.pause() }
      peer.send(Self.partial)
    }
    await test.agent?.hangUp(try #require(await test.invites.first).id)
    #expect(await test.terminated() == .localBye)
    while await test.statistics.tcpConnections > 0 { await test.pause() }
    #expect(await test.statistics.dialogs == 0)
  }

  @Test("a source has no more connections than it may, and the first ones stay")
  func perSource() async throws {
    let test = try await TestAgent { $0.maxTCPConnectionsPerSource = 5 }
    let first = try await connect(5, to: test)
    // The count is taken once a second.
    while await test.statistics.tcpConnections < 5 { await test.pause() }
    let more = try await connect(40, to: test)
    for peer in more { #expect(await peer.isEnded(within: 5)) }
    for peer in first {
      peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
      #expect(await peer.receive("SIP/2.0 200") != nil)
    }
  }

  @Test("all sources together have no more connections than they may")
  func inAll() async throws {
    let test = try await TestAgent { $0.maxTCPConnections = 8 }
    var peers: [RawPeer] = []
    for host in 1...4 {
      for _ in 0..<6 {
        peers.append(
          try RawPeer(to: await test.endpoint, tcp: true, from: IPAddress(v4: 0x7F00_0000 | UInt32(host))))
      }
    }
    // Which of those that came in the same second stay is not said.
    var openCount = peers.count
    for _ in 0..<20 where openCount > 8 {
      openCount = 0
      for peer in peers where await !peer.isEnded(within: 0.02) { openCount += 1 }
    }
    #expect(openCount == 8)
  }

  @Test("a double CRLF is answered with a CRLF (RFC 5626 §3.5.1)")
  func keepalive() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint, tcp: true)
    peer.send("\r\n\r\n")
    #expect(await peer.receiveBytes() == Array("\r\n".utf8))
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive("SIP/2.0 200") != nil)
  }

  @Test("a message larger than the limit is refused and kept nowhere")
  func oversized() async throws {
    let test = try await TestAgent { $0.maxMessageByteCount = 8192 }
    let peer = try RawPeer(to: await test.endpoint, tcp: true)
    peer.send(
      Caller(await test.endpoint, peer).request("INVITE", extra: "X-Big: \(String(repeating: "a", count: 20000))\r\n"))
    let answer = await peer.receive(within: 2)
    #expect(answer == nil || answer?.hasPrefix("SIP/2.0 4") == true, "\(answer ?? "")")
    #expect(await test.invites.isEmpty)
    let next = try RawPeer(to: await test.endpoint, tcp: true)
    next.send(Caller(await test.endpoint, next).request("OPTIONS"))
    #expect(await next.receive("SIP/2.0 200") != nil)
  }

  @Test("two messages in one segment and one message in many are the same")
  func framing() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint, tcp: true)
    let options = Caller(await test.endpoint, peer).request("OPTIONS")
    peer.send(options + Caller(await test.endpoint, peer).invite())
    #expect(await peer.receive("SIP/2.0 200") != nil)
    #expect(await peer.receive("SIP/2.0 180") != nil)
    let bytes = Array(Caller(await test.endpoint, peer).invite().utf8)
    for start in stride(from: 0, to: bytes.count, by: 37) {
      peer.send(Array(bytes[start..<min(start + 37, bytes.count)]))
    }
    #expect(await peer.receive("SIP/2.0 180") != nil)
    #expect(await test.invites.count == 2)
  }

  private func connect(_ count: Int, to test: TestAgent) async throws -> [RawPeer] {
    let endpoint = await test.endpoint
    return try (0..<count).map { _ in try RawPeer(to: endpoint, tcp: true) }
  }
}
