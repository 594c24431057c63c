import Base
import SIP
import Telephony
import Testing

@Suite("the next target", .timeLimit(.minutes(1)))
struct FailoverTests {
  private func agent(_ names: NameServer, t1: Duration = .milliseconds(500)) async throws -> TestAgent {
    try await TestAgent {
      $0.nameServer = names.endpoint
      $0.t1 = t1
    }
  }

  private static func invite(_ host: String, _ transport: TrunkTransport = .auto) -> OutgoingInvite {
    OutgoingInvite(
      uri: "sip:100@\(host)", from: "sip:b@example.com", transport: transport, sdp: Caller.offer, headers: [],
      credentials: SIPCredentials(username: "u", password: "p"))
  }

  private func accept(_ peer: RawPeer, _ request: String) {
    peer.send(
      Caller.response(
        "200 OK", to: request, toTag: "them", extra: "Contact: <sip:them@\(peer.local)>\r\n", body: Caller.offer))
  }

  private func isAnswered(_ test: TestAgent) async -> Bool {
    let event = await test.event {
      switch $0 {
      case .answered, .failed: true
      default: false
      }
    }
    if case .answered = event { return true } else { return false }
  }

  @Test("503 goes to the next server of the SRV records, other refusals to none", arguments: ["503 Later", "486 Busy"])
  func refusal(status: String) async throws {
    let names = try NameServer()
    let test = try await agent(names)
    let first = try RawPeer(to: await test.endpoint)
    let second = try RawPeer(to: await test.endpoint)
    names.serve("example.test", ports: [first.local.port, second.local.port])
    _ = await test.place(Self.invite("example.test"))
    let request = try #require(await first.receive("INVITE "))
    #expect(request.hasPrefix("INVITE sip:100@example.test SIP/2.0\r\n"))
    first.send(Caller.response(status, to: request, toTag: "x"))
    #expect(await first.receive("ACK ") != nil)
    if status.hasPrefix("503") {
      let again = try #require(await second.receive("INVITE "))
      #expect(Caller.header("Call-ID", of: again) == Caller.header("Call-ID", of: request))
      #expect(Caller.header("From", of: again) == Caller.header("From", of: request))
      #expect(Caller.header("Via", of: again) != Caller.header("Via", of: request))
      accept(second, again)
      #expect(await isAnswered(test))
    } else {
      #expect(await test.terminated() == .failed(486))
      #expect(await second.receive(within: 0.1) == nil)
    }
  }

  @Test("when the last server has said 503 too, that is the answer")
  func allUnavailable() async throws {
    let names = try NameServer()
    let test = try await agent(names)
    let peers = try [RawPeer(to: await test.endpoint), RawPeer(to: await test.endpoint)]
    names.serve("example.test", ports: peers.map(\.local.port))
    _ = await test.place(Self.invite("example.test"))
    for (index, peer) in peers.enumerated() {
      let request = try #require(await peer.receive("INVITE "))
      peer.send(Caller.response("503 Later \(index)", to: request, toTag: "x"))
    }
    let event = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(_, let reply) = event {
      #expect(reply.status == 503 && reply.reasonPhrase == "Later 1" && !reply.isLocal)
    }
    #expect(await test.events.count { if case .failed = $0 { true } else { false } } == 1)
  }

  @Test("a connection that is refused leads to the next server")
  func refusedConnection() async throws {
    let names = try NameServer()
    let test = try await agent(names)
    let callee = try await TestAgent()
    let closed = try RawPeer(to: await test.endpoint).local.port
    names.serve("example.test", "tcp", ports: [closed, await callee.endpoint.port])
    _ = await test.place(Self.invite("example.test", .tcp))
    #expect(await isAnswered(test))
    #expect(await callee.invites.first?.transport == .tcp)
  }

  @Test("a server that says nothing is given up for the next one, and cancelled when it wakes")
  func silence() async throws {
    let names = try NameServer()
    let test = try await agent(names, t1: .milliseconds(50))
    let asleep = try RawPeer(to: await test.endpoint)
    let awake = try RawPeer(to: await test.endpoint)
    names.serve("example.test", ports: [asleep.local.port, awake.local.port])
    _ = await test.place(Self.invite("example.test"))
    let request = try #require(await asleep.receive("INVITE "))
    accept(awake, try #require(await awake.receive("INVITE ")))
    #expect(await isAnswered(test))
    asleep.send(Caller.response("180 Ringing", to: request, toTag: "late"))
    let cancel = try #require(await asleep.receive("CANCEL "))
    #expect(Caller.header("Via", of: cancel) == Caller.header("Via", of: request))
    asleep.send(Caller.response("200 OK", to: cancel, toTag: "late"))
    asleep.send(Caller.response("487 Request Terminated", to: request, toTag: "late"))
    #expect(await asleep.receive("ACK ") != nil)
    #expect(await test.events.allSatisfy { if case .progress = $0 { false } else { true } })
  }

  @Test("a server that accepts after it was given up is acknowledged and hung up")
  func lateAnswer() async throws {
    let names = try NameServer()
    let test = try await agent(names, t1: .milliseconds(50))
    let asleep = try RawPeer(to: await test.endpoint)
    let awake = try RawPeer(to: await test.endpoint)
    names.serve("example.test", ports: [asleep.local.port, awake.local.port])
    let id = await test.place(Self.invite("example.test"))
    let request = try #require(await asleep.receive("INVITE "))
    accept(awake, try #require(await awake.receive("INVITE ")))
    #expect(await isAnswered(test))
    accept(asleep, request)
    #expect(await asleep.receive("ACK ") != nil)
    #expect(await asleep.receive("BYE ") != nil)
    // The call that was answered goes on.
    #expect(await test.statistics.liveInvites == 1)
    await test.agent?.hangUp(id)
    #expect(await awake.receive("BYE ") != nil)
  }

  @Test("one that has answered 100 is waited for")
  func trying() async throws {
    let names = try NameServer()
    let test = try await agent(names, t1: .milliseconds(300))
    let slow = try RawPeer(to: await test.endpoint)
    let other = try RawPeer(to: await test.endpoint)
    names.serve("example.test", ports: [slow.local.port, other.local.port])
    _ = await test.place(Self.invite("example.test"))
    let request = try #require(await slow.receive("INVITE "))
    slow.send(Caller.response("100 Trying", to: request))
    #expect(await other.receive(within: 3) == nil)
    accept(slow, request)
    #expect(await isAnswered(test))
  }

  @Test("each server's challenge is answered anew")
  func challenges() async throws {
    let names = try NameServer()
    let test = try await agent(names)
    let peers = try [RawPeer(to: await test.endpoint), RawPeer(to: await test.endpoint)]
    names.serve("example.test", ports: peers.map(\.local.port))
    _ = await test.place(Self.invite("example.test"))
    for (index, peer) in peers.enumerated() {
      let open = try #require(await peer.receive("INVITE "))
      #expect(Caller.header("Authorization", of: open) == nil)
      peer.send(
        Caller.response(
          "401 Who", to: open, toTag: "x", extra: "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\(index)\"\r\n"))
      #expect(await peer.receive("ACK ") != nil)
      let closed = try #require(await peer.receive("INVITE "))
      #expect(Caller.header("Authorization", of: closed)?.contains("nonce=\"n\(index)\"") == true)
      if index == 0 { peer.send(Caller.response("503 Later", to: closed, toTag: "x")) } else { accept(peer, closed) }
    }
    #expect(await isAnswered(test))
  }

  @Test(
    "without SRV records the name's address is called; with a port no SRV record is asked for",
    arguments: [true, false])
  func plainAddress(hasPort: Bool) async throws {
    let names = try NameServer()
    let test = try await agent(names)
    let peer = try RawPeer(to: await test.endpoint)
    names.set("pbx.test")
    let id = await test.place(Self.invite(hasPort ? "pbx.test:\(peer.local.port)" : "pbx.test"))
    if hasPort {
      #expect(await peer.receive("INVITE ") != nil)
      #expect(names.questions == ["pbx.test 1", "pbx.test 28"])
    } else {
      while names.questions.count < 4 { await test.pause() }
      #expect(
        names.questions == ["_sip._udp.pbx.test 33", "_sip._tcp.pbx.test 33", "pbx.test 1", "pbx.test 28"])
    }
    await test.agent?.hangUp(id)
  }

  @Test("an answer is used again for a while")
  func cache() async throws {
    let names = try NameServer()
    let test = try await agent(names)
    let peer = try RawPeer(to: await test.endpoint)
    names.set("pbx.test")
    for _ in 0..<3 {
      _ = await test.place(Self.invite("pbx.test:\(peer.local.port)"))
      let request = try #require(await peer.receive("INVITE "))
      peer.send(Caller.response("486 Busy", to: request, toTag: "x"))
      #expect(await peer.receive("ACK ") != nil)
    }
    #expect(names.questions.count == 2)
  }

  @Test("a name that nobody knows fails as unresolved")
  func unknownName() async throws {
    let names = try NameServer()
    let test = try await agent(names)
    _ = await test.place(Self.invite("nowhere.test"))
    let event = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(_, let reply) = event { #expect(reply.localFailure == .unresolved && reply.status == 502) }
    #expect(await test.terminated() == .failed(502))
    #expect(await test.statistics.liveInvites == 0)
  }

  @Test("hanging up, or the ringing timeout, does not wait for a name server that is silent", arguments: [true, false])
  func impatience(hangsUp: Bool) async throws {
    let names = try NameServer()
    names.fallSilent()
    let test = try await agent(names)
    var invite = Self.invite("slow.test")
    if !hangsUp { invite.ringingTimeout = .milliseconds(50) }
    let id = await test.place(invite)
    if hangsUp { await test.agent?.hangUp(id) }
    let event = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(_, let reply) = event { #expect(reply.localFailure == (hangsUp ? .cancelled : .ringingTimeout)) }
    #expect(await test.terminated() != nil)
  }

  @Test("a thousand calls to one silent name server are no thousand look-ups, and all fail")
  func crowd() async throws {
    let names = try NameServer()
    names.fallSilent()
    let test = try await agent(names)
    for _ in 0..<1_500 { _ = await test.place(Self.invite("slow.test:5060")) }
    // Those that are too many fail at once.
    while await test.terminatedCount < 476 { await test.pause() }
    // The resolver asks a silent server twice. On a busy machine some calls are placed after it has given up.
    #expect(names.questions.filter { $0 == "slow.test 1" }.count <= 20)
  }
}
