import Base
import SIP
import Testing

@Suite("strangers", .timeLimit(.minutes(1)))
struct StrangerTests {
  private static let challenges = [
    SIPHeader("Proxy-Authenticate", "Digest realm=\"r\", nonce=\"0123456789abcdef\", algorithm=MD5, qop=\"auth\""),
    SIPHeader("Proxy-Authenticate", "Digest realm=\"r\", nonce=\"0123456789abcdef\", algorithm=SHA-256, qop=\"auth\""),
  ]

  /// The shortest request that the grammar allows.
  private func bare(
    _ method: String, _ target: Endpoint, _ peer: RawPeer, toTag: Bool = false, extra: String = "", body: String = ""
  ) -> String {
    """
    \(method) sip:\(target) SIP/2.0\r
    Via: SIP/2.0/UDP \(peer.local);branch=z9hG4bK\(GUID.make())\r
    From: <sip:a@b.c>;tag=1\r
    To: <sip:a@b.c>\(toTag ? ";tag=2" : "")\r
    Call-ID: \(GUID.make())\r
    CSeq: 1 \(method)\r
    \(extra)\r
    \(body)
    """
  }

  private static let invite = "Contact: <sip:a@b.c>\r\nContent-Type: application/sdp\r\n"
  private static let padding = "X-Padding: \(String(repeating: "x", count: 400))\r\n"

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var method: String
    var toTag = false
    var extra = ""
    var body = ""
    var headers: [SIPHeader] = []
    var status = 404
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "OPTIONS", method: "OPTIONS"),
    Case(name: "OPTIONS with room", method: "OPTIONS", extra: padding),
    Case(name: "a method that we do not have", method: "REGISTER"),
    Case(name: "a dialog that is not there", method: "BYE", toTag: true),
    Case(name: "an INVITE that is refused", method: "INVITE", extra: invite, body: Caller.offer),
    Case(
      name: "one that is refused with a reason", method: "INVITE", extra: invite, body: "v=0\r\n",
      headers: [SIPHeader("X-Reason", String(repeating: "no ", count: 100))]),
    Case(
      name: "one that is challenged", method: "INVITE", extra: invite, body: "v=0\r\n", headers: challenges, status: 407
    ),
    Case(
      name: "one with room for both challenges", method: "INVITE", extra: invite + padding, body: Caller.offer,
      headers: challenges, status: 407),
    Case(name: "one with a Record-Route", method: "INVITE", extra: invite + "Record-Route: <sip:a;lr>,<sip:b;lr>\r\n"),
    Case(name: "a header that is malformed", method: "OPTIONS", extra: "Content-Length: x\r\n"),
    Case(name: "a Replaces of nothing", method: "INVITE", extra: invite + "Replaces: x;to-tag=1;from-tag=2\r\n"),
  ]

  @Test("no reply over UDP to a stranger has more bytes than the request", arguments: cases)
  func noAmplification(testCase: Case) async throws {
    let response = SIPResponse(testCase.status, "A Reason That Is Longer Than It Need Be", headers: testCase.headers)
    let test = try await TestAgent(.refuse(response)) { $0.isKnown = { _ in false } }
    let peer = try RawPeer(to: await test.endpoint)
    let request = bare(
      testCase.method, await test.endpoint, peer, toTag: testCase.toTag, extra: testCase.extra, body: testCase.body)
    peer.send(request)
    // What comes after it tells that it has been looked at.
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS", extra: Self.padding))
    var replies: [String] = []
    while let reply = await peer.receive() {
      if Caller.header("Call-ID", of: reply)?.hasPrefix("call-") == true { break }
      replies.append(reply)
    }
    #expect(replies.count <= 1)
    for reply in replies { #expect(reply.utf8.count <= request.utf8.count, "\(reply)") }
  }

  @Test("of two challenges a stranger gets as many as fit", arguments: [("", 1), (padding, 2)])
  func challengesThatFit(padding: String, count: Int) async throws {
    let test = try await TestAgent(.refuse(SIPResponse(407, "Unauthorized", headers: Self.challenges))) {
      $0.isKnown = { _ in false }
    }
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(
      bare("INVITE", await test.endpoint, peer, extra: Self.invite + "User-Agent: a\r\n" + padding, body: Caller.offer))
    let answer = try #require(await peer.receive("SIP/2.0 407"))
    #expect(Caller.headers("Proxy-Authenticate", of: answer).count == count)
    #expect(Caller.headers("Proxy-Authenticate", of: answer)[0].contains("MD5"))
  }

  @Test("a trunk's address, and a connection, get the whole reply", arguments: [false, true])
  func known(tcp: Bool) async throws {
    let test = try await TestAgent { $0.isKnown = { $0 == .loopbackV4 && !tcp } }
    let peer = try RawPeer(to: await test.endpoint, tcp: tcp)
    peer.send(
      bare("OPTIONS", await test.endpoint, peer, extra: "Content-Length: 0\r\n").replacing(
        "UDP", with: tcp ? "TCP" : "UDP"))
    let answer = try #require(await peer.receive("SIP/2.0 200"))
    #expect(Caller.header("Allow", of: answer)?.contains("INVITE") == true)
  }

  @Test("malformed requests pass admission too")
  func malformedFlood() async throws {
    let arrivals = Arrivals()
    let test = try await TestAgent {
      $0.admit = { arrival in
        arrivals.list.append(arrival)
        return arrivals.list.count > 3 ? .drop : .allow
      }
    }
    let peer = try RawPeer(to: await test.endpoint)
    for _ in 0..<10 {
      peer.send(bare("OPTIONS", await test.endpoint, peer, extra: "Content-Length: x\r\n" + Self.padding))
    }
    while await test.statistics.droppedRequests < 7 { await test.pause() }
    for _ in 0..<3 { #expect(await peer.receive()?.hasPrefix("SIP/2.0 400 ") == true) }
    #expect(await peer.receive(within: 0.1) == nil)
    #expect(await arrivals.list.count == 10)
  }

  @Test("a CANCEL counts only from where the call may be spoken in")
  func foreignCancel() async throws {
    let test = try await TestAgent(.ring) { $0.mayTakePart = { $1 == .loopbackV4 } }
    let caller = try RawPeer(to: await test.endpoint)
    let stranger = try RawPeer(to: await test.endpoint, from: IPAddress("127.0.0.9") ?? .loopbackV4)
    let call = Caller(await test.endpoint, caller)
    caller.send(call.invite())
    #expect(await caller.receive("SIP/2.0 180") != nil)
    stranger.send(call.request("CANCEL"))
    while await test.statistics.droppedRequests == 0 { await test.pause() }
    #expect(await test.statistics.liveInvites == 1)
    caller.send(call.request("CANCEL"))
    #expect(await caller.receive("SIP/2.0 487") != nil)
    #expect(await test.terminated() == .cancelled)
  }

  @Test("a flood inside a dialog is cut off, leaves nothing in the stack, and BYE still ends the call")
  func dialogFlood() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    for _ in 0..<2_000 {
      caller.next()
      peer.send(caller.request("INFO"))
    }
    while await test.statistics.droppedRequests < 500 { await test.pause() }
    let statistics = await test.statistics
    #expect(statistics.transactions < 200)
    caller.next()
    peer.send(caller.request("BYE"))
    #expect(await peer.answer(to: caller, "BYE") != nil)
    #expect(await test.terminated() == .remoteBye)
  }

  @Test("a stranger's flood into a dialog that it knows of does not use up the caller's share")
  func foreignDialogFlood() async throws {
    let test = try await TestAgent {
      $0.mayTakePart = { $1 == .loopbackV4 }
      $0.admit = { $0.isInvite ? .allow : .drop }
    }
    let peer = try RawPeer(to: await test.endpoint)
    let stranger = try RawPeer(to: await test.endpoint, from: IPAddress("127.0.0.9") ?? .loopbackV4)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    var copy = caller
    for _ in 0..<300 {
      copy.next()
      stranger.send(copy.request("INFO"))
    }
    while await test.statistics.droppedRequests < 200 { await test.pause() }
    caller.next()
    peer.send(caller.request("INFO"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "INFO")) == "SIP/2.0 200 OK")
  }

  @Test(
    "in a call of ours only those take part that it went to or that its answer names",
    arguments: ["127.0.0.9", "127.0.0.1"])
  func foreignBye(address: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let other = try RawPeer(to: await test.endpoint, from: try #require(IPAddress(address)))
    _ = await test.place(OutgoingInvite(uri: "sip:100@\(peer.local)", from: "sip:b@c.test", sdp: Caller.offer))
    let request = try #require(await peer.receive("INVITE "))
    peer.send(
      Caller.response(
        "200 OK", to: request, toTag: "them", extra: "Contact: <sip:x@\(peer.local)>\r\n", body: Caller.offer))
    #expect(await peer.receive("ACK ") != nil)
    var callee = Caller(await test.endpoint, other)
    callee.reverse(request, tag: "them")
    other.send(callee.request("BYE"))
    let isPeer = address == "127.0.0.1"
    #expect(Caller.statusLine(await other.answer(to: callee, "BYE")).hasPrefix(isPeer ? "SIP/2.0 200" : "SIP/2.0 403"))
    #expect(await test.statistics.liveInvites == (isPeer ? 0 : 1))
  }

  @Test(
    "what cannot be parsed gets 400 where an answer can be addressed, and silence where not",
    arguments: [
      ("OPTIONS sip:x;; y SIP/2.0", "Via: SIP/2.0/UDP %LOCAL%;branch=z9hG4bK1", "400 Bad Request"),
      ("OPTIONS", "Via: SIP/2.0/UDP %LOCAL%;branch=z9hG4bK1", "400 Bad Request"),
      ("OPTIONS sip:x SIP/2.0", "Via: SIP/2.0/UDP %LOCAL%;branch=z9hG4bK1;;=", "400 Bad Via Header"),
      ("OPTIONS sip:x SIP/2.0", "Via: total nonsense", "400 Bad Via Header"),
      ("OPTIONS sip:x SIP/2.0", "X-Via: none", nil), ("GET / HTTP/1.1", "Host: x", nil), ("GET /", "Host: x", nil),
    ] as [(String, String, String?)])
  func unparsable(line: String, via: String, status: String?) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let common = "From: <sip:a@b.c>;tag=1\r\nTo: <sip:a@b.c>\r\nCall-ID: odd\r\nCSeq: 1 OPTIONS\r\n\r\n"
    peer.send("\(line)\r\n\(via.replacing("%LOCAL%", with: "\(peer.local)"))\r\n\(common)")
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    let first = try #require(await peer.receive())
    if let status {
      #expect(Caller.statusLine(first) == "SIP/2.0 \(status)")
      #expect(Caller.header("Call-ID", of: first) == "odd")
      if via.contains("branch") { #expect(Caller.header("Via", of: first)?.contains("branch=z9hG4bK1") == true) }
    } else {
      #expect(Caller.statusLine(first) == "SIP/2.0 200 OK")
    }
  }
}
