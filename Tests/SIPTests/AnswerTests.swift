import Base
import SIP
import Telephony
import Testing

@Suite("answers to our INVITE", .timeLimit(.minutes(1)))
struct AnswerTests {
  /// A call that has reached `peer`.
  private func place(
    _ test: TestAgent, _ peer: RawPeer, ringingTimeout: Duration? = nil
  ) async throws -> (InviteID, String) {
    let id = await test.place(
      OutgoingInvite(
        uri: "sip:100@\(peer.local)", from: "sip:b@example.com", sdp: Caller.offer, ringingTimeout: ringingTimeout))
    return (id, try #require(await peer.receive("INVITE ")))
  }

  private func ok(_ request: String, _ peer: RawPeer, tag: String, body: String = Caller.offer) -> String {
    Caller.response("200 OK", to: request, toTag: tag, extra: "Contact: <sip:\(tag)@\(peer.local)>\r\n", body: body)
  }

  private func progress(_ test: TestAgent) async -> [SIPReply] {
    await test.events.compactMap { if case .progress(_, let reply) = $0 { reply } else { nil } }
  }

  private func failure(_ test: TestAgent) async -> SIPReply? {
    let event = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(_, let reply) = event { return reply } else { return nil }
  }

  @Test("the first fork that answers wins, the other one is acknowledged and hung up")
  func forks() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, request) = try await place(test, peer)
    for tag in ["one", "two"] {
      peer.send(
        Caller.response(
          "183 Session Progress", to: request, toTag: tag,
          body: Caller.offer.replacing("30000", with: "3\(tag.count)00")
        ))
    }
    peer.send(ok(request, peer, tag: "two"))
    #expect(await peer.receive("ACK ")?.hasPrefix("ACK sip:two@") == true)
    for _ in 0..<2 {
      peer.send(ok(request, peer, tag: "one"))
      #expect(await peer.receive("ACK ")?.hasPrefix("ACK sip:one@") == true)
      let bye = try #require(await peer.receive("BYE "))
      #expect(Caller.header("To", of: bye)?.hasSuffix(";tag=one") == true)
      peer.send(Caller.response("200 OK", to: bye))
    }
    #expect(await progress(test).map(\.toTag) == ["one", "two"])
    #expect(await test.events.count { if case .answered = $0 { true } else { false } } == 1)
    await test.agent?.hangUp(id)
    let bye = try #require(await peer.receive("BYE "))
    #expect(Caller.header("To", of: bye)?.hasSuffix(";tag=two") == true)
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await test.terminated() == .localBye)
  }

  @Test("progress is told once for each status, tag and SDP, and not for ever")
  func progressNews() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, request) = try await place(test, peer)
    for _ in 0..<3 { peer.send(Caller.response("180 Ringing", to: request, toTag: "a")) }
    for _ in 0..<2 { peer.send(Caller.response("183 Session Progress", to: request, toTag: "a", body: Caller.offer)) }
    for number in 0..<200 { peer.send(Caller.response("180 Ringing", to: request, toTag: "t\(number)")) }
    peer.send(ok(request, peer, tag: "a"))
    #expect(await peer.receive("ACK ") != nil)
    let told = await progress(test)
    #expect(told.prefix(2).map(\.status) == [180, 183])
    #expect(told.count == 64)
    #expect(told[1].body == Array(Caller.offer.utf8))
    await test.agent?.hangUp(id)
  }

  @Test("a redirection is a failure with its Contact")
  func redirection() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (_, request) = try await place(test, peer)
    peer.send(
      Caller.response("302 Moved Temporarily", to: request, toTag: "x", extra: "Contact: <sip:else@192.0.2.1>\r\n"))
    let reply = try #require(await failure(test))
    #expect(reply.status == 302 && reply.headers.first("Contact") == "<sip:else@192.0.2.1>")
    #expect(await test.terminated() == .failed(302))
  }

  @Test("an answer without SDP comes with an empty body, and hanging up sends BYE", arguments: [nil, "text/plain"])
  func withoutSDP(type: String?) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, request) = try await place(test, peer)
    let body = type == nil ? "" : "hello"
    peer.send(
      ok(request, peer, tag: "a", body: body).replacing("application/sdp", with: type ?? "application/sdp"))
    #expect(await peer.receive("ACK ") != nil)
    let event = await test.event { if case .answered = $0 { true } else { false } }
    if case .answered(_, let reply) = event { #expect(reply.body.isEmpty) }
    await test.agent?.hangUp(id, reason: "SIP;cause=488")
    let bye = try #require(await peer.receive("BYE "))
    #expect(Caller.header("Reason", of: bye) == "SIP;cause=488")
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await test.terminated() == .localBye)
  }

  @Test("the ringing timeout cancels, and tells so whatever the 487 says", arguments: [true, false])
  func ringingTimeout(isAnswered: Bool) async throws {
    let test = try await TestAgent { $0.t1 = .milliseconds(100) }
    let peer = try RawPeer(to: await test.endpoint)
    let (_, request) = try await place(test, peer, ringingTimeout: .milliseconds(500))
    peer.send(Caller.response("180 Ringing", to: request, toTag: "a"))
    let cancel = try #require(await peer.receive("CANCEL "))
    if isAnswered {
      peer.send(Caller.response("200 OK", to: cancel, toTag: "a"))
      peer.send(Caller.response("487 Request Terminated", to: request, toTag: "a"))
    }
    let reply = try #require(await failure(test))
    #expect(reply.localFailure == .ringingTimeout && reply.status == 408)
    #expect(await test.terminated() == .failed(408))
  }

  @Test("a 200 that crosses the CANCEL is acknowledged, hung up and told as a failure")
  func crossing() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, request) = try await place(test, peer)
    peer.send(Caller.response("180 Ringing", to: request, toTag: "a"))
    _ = await test.event { if case .progress = $0 { true } else { false } }
    await test.agent?.hangUp(id)
    #expect(await peer.receive("CANCEL ") != nil)
    peer.send(ok(request, peer, tag: "a"))
    #expect(await peer.receive("ACK ") != nil)
    let bye = try #require(await peer.receive("BYE "))
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await failure(test)?.localFailure == .cancelled)
    #expect(await test.terminated() == .localBye)
  }

  @Test("a CANCEL before any response waits for one")
  func earlyCancel() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, request) = try await place(test, peer)
    await test.agent?.hangUp(id, headers: [SIPHeader("X-Why", "changed my mind")])
    #expect(await peer.receive("CANCEL ", within: 0.2) == nil)
    peer.send(Caller.response("180 Ringing", to: request, toTag: "a"))
    let cancel = try #require(await peer.receive("CANCEL "))
    #expect(Caller.header("X-Why", of: cancel) == "changed my mind")
    peer.send(Caller.response("487 Request Terminated", to: request, toTag: "a"))
    #expect(await test.terminated() == .failed(487))
  }

  @Test(
    "before we are answered the callee may use the dialog for nothing",
    arguments: ["BYE", "INFO", "REFER", "NOTIFY", "UPDATE"])
  func earlyRequests(method: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, request) = try await place(test, peer)
    peer.send(Caller.response("180 Ringing", to: request, toTag: "a"))
    _ = await test.event { if case .progress = $0 { true } else { false } }
    var callee = Caller(await test.endpoint, peer)
    callee.reverse(request, tag: "a")
    peer.send(callee.request(method))
    #expect(Caller.statusLine(await peer.answer(to: callee, method)).hasPrefix("SIP/2.0 481 "))
    await test.agent?.hangUp(id)
  }

  @Test("a challenge to the BYE is answered for the BYE's own URI")
  func challengedBye() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let id = await test.place(
      OutgoingInvite(
        uri: "sip:100@\(peer.local)", from: "sip:b@example.com", sdp: Caller.offer,
        credentials: SIPCredentials(username: "u", password: "p")))
    let request = try #require(await peer.receive("INVITE "))
    peer.send(ok(request, peer, tag: "a"))
    #expect(await peer.receive("ACK ") != nil)
    await test.agent?.hangUp(id)
    let bye = try #require(await peer.receive("BYE "))
    peer.send(
      Caller.response(
        "407 Who", to: bye, extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256\r\n"))
    var second = try #require(await peer.receive("BYE "))
    while Caller.header("CSeq", of: second) == Caller.header("CSeq", of: bye) {
      second = try #require(await peer.receive("BYE "))
    }
    let credentials = try #require(
      Caller.header("Proxy-Authorization", of: second).flatMap { DigestParameters($0) })
    #expect(credentials["uri"] == "sip:a@\(peer.local)" && credentials["algorithm"] == "SHA-256")
    peer.send(Caller.response("200 OK", to: second))
    #expect(await test.terminated() == .localBye)
  }

  @Test("the ACK carries the credentials of the INVITE that was accepted")
  func credentialsOfAck() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let id = await test.place(
      OutgoingInvite(
        uri: "sip:100@\(peer.local)", from: "sip:b@example.com", sdp: Caller.offer,
        credentials: SIPCredentials(username: "u", password: "p")))
    let first = try #require(await peer.receive("INVITE "))
    peer.send(
      Caller.response("401 Who", to: first, toTag: "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"))
    #expect(await peer.receive("ACK ") != nil)
    let second = try #require(await peer.receive("INVITE "))
    peer.send(ok(second, peer, tag: "a"))
    let ack = try #require(await peer.receive("ACK "))
    #expect(Caller.header("Authorization", of: ack) == Caller.header("Authorization", of: second))
    #expect(Caller.header("Authorization", of: ack) != nil)
    await test.agent?.hangUp(id)
  }
}
