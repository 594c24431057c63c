import Base
import SIP
import Testing

@Suite("calls that we place", .timeLimit(.minutes(1)))
struct ClientTests {
  private func outgoing(_ peer: RawPeer, tcp: Bool = false, credentials: SIPCredentials? = nil) -> OutgoingInvite {
    OutgoingInvite(
      uri: "sip:+15550199@\(peer.local)\(tcp ? ";transport=tcp" : "")", from: "\"Tester\" <sip:tester@example.com>",
      sdp: Caller.offer, headers: [SIPHeader("X-Test", "1")], credentials: credentials)
  }

  @Test("180, 200, ACK and our BYE between two agents", arguments: [SIPTransport.udp, .tcp])
  func twoAgents(transport: SIPTransport) async throws {
    let callee = try await TestAgent()
    let caller = try await TestAgent()
    let uri = "sip:+15550199@\(await callee.endpoint);transport=\(transport.rawValue)"
    let id = await caller.place(OutgoingInvite(uri: uri, from: "sip:tester@example.com", sdp: Caller.offer))
    _ = await caller.event { if case .progress(id, let reply) = $0 { reply.status == 180 } else { false } }
    let answered = await caller.event { if case .answered = $0 { true } else { false } }
    if case .answered(_, let reply) = answered { #expect(reply.body == Array(TestAgent.answerSDP.utf8)) }
    _ = await callee.event { if case .acknowledged = $0 { true } else { false } }
    #expect(await callee.invites.first?.transport == transport)
    #expect(await callee.invites.first?.body == Array(Caller.offer.utf8))
    await caller.agent?.reinvite(id, sdp: Caller.offer)
    _ = await callee.event { if case .reinvite = $0 { true } else { false } }
    await caller.agent?.hangUp(id)
    #expect(await caller.terminated() == .localBye)
    #expect(await callee.terminated() == .remoteBye)
    #expect(await caller.statistics.dialogs == 0)
  }

  @Test("the callee hangs up and the caller hears it", arguments: [SIPTransport.udp, .tcp])
  func remoteBye(transport: SIPTransport) async throws {
    let callee = try await TestAgent()
    let caller = try await TestAgent()
    let uri = "sip:+15550199@\(await callee.endpoint);transport=\(transport.rawValue)"
    _ = await caller.place(OutgoingInvite(uri: uri, from: "sip:tester@example.com", sdp: Caller.offer))
    _ = await callee.event { if case .acknowledged = $0 { true } else { false } }
    await callee.agent?.hangUp(try #require(await callee.invites.first).id)
    #expect(await caller.terminated() == .remoteBye)
    #expect(await callee.terminated() == .localBye)
  }

  @Test("the INVITE says what it was told to")
  func request() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    #expect(invite.hasPrefix("INVITE sip:+15550199@\(peer.local) SIP/2.0\r\n"))
    #expect(Caller.header("From", of: invite)?.hasPrefix("\"Tester\" <sip:tester@example.com>;tag=") == true)
    #expect(Caller.header("To", of: invite) == "<sip:+15550199@\(peer.local)>")
    #expect(Caller.header("X-Test", of: invite) == "1")
    #expect(Caller.header("Contact", of: invite) == "<sip:\(await test.endpoint)>")
    #expect(Caller.header("User-Agent", of: invite) == "Trunkline")
    #expect(Caller.header("Content-Type", of: invite) == "application/sdp")
    #expect(Caller.header("Via", of: invite)?.contains(";rport") == true)
    #expect(invite.hasSuffix(Caller.offer))
  }

  @Test("the ACK and BYE follow the route set of the 200, in reverse")
  func route() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let id = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    let routes = "Record-Route: <sip:10.0.0.2;lr>\r\nRecord-Route: <sip:\(peer.local);lr>\r\n"
    peer.send(
      Caller.response(
        "200 OK", to: invite, toTag: "them", extra: routes + "Contact: <sip:them@10.1.1.1:5070>\r\n", body: Caller.offer
      ))
    for method in ["ACK", "BYE"] {
      if method == "BYE" { await test.agent?.hangUp(id) }
      let request = try #require(await peer.receive("\(method) "))
      #expect(request.hasPrefix("\(method) sip:them@10.1.1.1:5070 SIP/2.0\r\n"))
      #expect(
        Caller.headers("Route", of: request).joined(separator: ",").filter { $0 != " " }
          == "<sip:\(peer.local);lr>,<sip:10.0.0.2;lr>")
      #expect(Caller.header("To", of: request)?.hasSuffix(";tag=them") == true)
    }
  }

  @Test("a retransmitted 200 is acknowledged again and is not a second answer")
  func retransmittedAnswer() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    let ok = Caller.response(
      "200 OK", to: invite, toTag: "them", extra: "Contact: <sip:them@\(peer.local)>\r\n", body: Caller.offer)
    for _ in 0..<3 {
      peer.send(ok)
      #expect(await peer.receive("ACK ") != nil)
    }
    #expect(await test.events.count { if case .answered = $0 { true } else { false } } == 1)
  }

  @Test(
    "a challenge is answered with the digest of RFC 7616",
    arguments: [
      (401, "Digest realm=\"example.com\", nonce=\"abc\", algorithm=MD5, qop=\"auth,auth-int\", opaque=\"o\\\"p\""),
      (407, "Digest realm=\"example.com\",nonce=\"abc\""),
    ])
  func challenge(status: Int, challenge: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer, credentials: SIPCredentials(username: "alice", password: "secret")))
    let first = try #require(await peer.receive("INVITE "))
    let name = status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate"
    let answer = status == 401 ? "Authorization" : "Proxy-Authorization"
    peer.send(
      Caller.response(
        "\(status) Who Are You", to: first, toTag: "x",
        extra: "\(name): Digest realm=\"a\", nonce=\"n\", algorithm=SHA-512-256\r\n\(name): \(challenge)\r\n"))
    #expect(await peer.receive("ACK ") != nil)
    let second = try #require(await peer.receive("INVITE "))
    #expect(Caller.header("Call-ID", of: second) == Caller.header("Call-ID", of: first))
    let sequence = [first, second].compactMap {
      Caller.header("CSeq", of: $0)?.split(separator: " ").first.flatMap { Int($0) }
    }
    #expect(sequence.count == 2 && sequence[1] == sequence[0] + 1)
    let header = try #require(Caller.header(answer, of: second))
    #expect(
      header.hasPrefix(
        "Digest username=\"alice\", realm=\"example.com\", nonce=\"abc\", uri=\"sip:+15550199@\(peer.local)\""))
    #expect(header.contains("qop=auth") == (status == 401))
    #expect(header.contains("opaque=\"o\\\"p\"") == (status == 401))
    peer.send(
      Caller.response(
        "\(status) Still Not", to: second, toTag: "x",
        extra: "\(name): Digest realm=\"a\", nonce=\"n\", algorithm=SHA-512-256\r\n"))
    #expect(await test.terminated() == .failed(status))
  }

  @Test("without a password a challenge is the end")
  func noPassword() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    peer.send(
      Caller.response(
        "407 Proxy Authentication Required", to: invite, toTag: "x",
        extra: "Proxy-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n"))
    #expect(await test.terminated() == .failed(407))
  }

  @Test("a wrong password is not tried for ever")
  func wrongPassword() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer, credentials: SIPCredentials(username: "a", password: "b")))
    // By CSeq: a slow machine retransmits.
    var attempts: Set<String> = []
    while let invite = await peer.receive("INVITE ", within: 1) {
      attempts.insert(Caller.header("CSeq", of: invite) ?? "")
      peer.send(
        Caller.response(
          "401 No", to: invite, toTag: "x",
          extra: "WWW-Authenticate: Digest realm=\"a\", nonce=\"\(attempts.count)\"\r\n"))
    }
    #expect(attempts.count == 2)
    #expect(await test.terminated() == .failed(401))
  }

  @Test("hanging up while it rings sends CANCEL, and the 487 ends the call")
  func cancel() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let id = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    peer.send(Caller.response("180 Ringing", to: invite, toTag: "them"))
    _ = await test.event { if case .progress = $0 { true } else { false } }
    await test.agent?.hangUp(id, reason: "SIP;cause=200")
    let cancel = try #require(await peer.receive("CANCEL "))
    #expect(Caller.header("CSeq", of: cancel)?.hasSuffix(" CANCEL") == true)
    #expect(Caller.header("Via", of: cancel) == Caller.header("Via", of: invite))
    #expect(Caller.header("Reason", of: cancel) == "SIP;cause=200")
    peer.send(Caller.response("200 OK", to: cancel, toTag: "them"))
    peer.send(Caller.response("487 Request Terminated", to: invite, toTag: "them"))
    #expect(await peer.receive("ACK ") != nil)
    #expect(await test.terminated() == .failed(487))
  }

  @Test("a 200 that crosses our CANCEL is acknowledged and hung up")
  func crossing() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let id = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    peer.send(Caller.response("180 Ringing", to: invite, toTag: "them"))
    _ = await test.event { if case .progress = $0 { true } else { false } }
    await test.agent?.hangUp(id)
    _ = try #require(await peer.receive("CANCEL "))
    peer.send(
      Caller.response(
        "200 OK", to: invite, toTag: "them", extra: "Contact: <sip:them@\(peer.local)>\r\n", body: Caller.offer))
    #expect(await peer.receive("ACK ") != nil)
    let bye = try #require(await peer.receive("BYE "))
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await test.terminated() == .localBye)
    #expect(!(await test.events.contains { if case .answered = $0 { true } else { false } }))
  }

  @Test("nobody answers: 408 after timer B, and nothing is left")
  func timeout() async throws {
    let test = try await TestAgent { $0.t1 = .milliseconds(10) }
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer))
    #expect(await test.terminated() == .failed(408))
    let failed = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(_, let reply) = failed { #expect(reply.isLocal) }
    #expect(await test.statistics.dialogs == 0)
  }

  @Test("nobody listens: TCP is refused at once")
  func refusedConnection() async throws {
    let test = try await TestAgent()
    let closed = try RawPeer(to: await test.endpoint).local
    let uri = "sip:a@\(closed);transport=tcp"
    _ = await test.place(OutgoingInvite(uri: uri, from: "sip:b@example.com", sdp: Caller.offer))
    #expect(await test.terminated() == .failed(503))
  }

  @Test("a final refusal comes with its headers")
  func refusal() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    _ = await test.place(outgoing(peer))
    let invite = try #require(await peer.receive("INVITE "))
    peer.send(Caller.response("404 Nobody Here", to: invite, toTag: "x", extra: "X-Trunkline-Reason: no-trunk\r\n"))
    #expect(await peer.receive("ACK ") != nil)
    let event = await test.event { if case .failed = $0 { true } else { false } }
    guard case .failed(_, let reply) = event else { return }
    #expect(reply.status == 404 && reply.reasonPhrase == "Nobody Here" && !reply.isLocal)
    #expect(reply.headers.first("x-trunkline-reason") == "no-trunk")
    #expect(await test.terminated() == .failed(404))
  }
}
