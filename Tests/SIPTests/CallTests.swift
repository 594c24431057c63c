import Base
import SIP
import Testing

@Suite("calls", .timeLimit(.minutes(1)))
struct CallTests {
  @Test("INVITE, ACK and BYE make one call and leave nothing behind", arguments: [false, true])
  func wholeCall(tcp: Bool) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint, tcp: tcp)
    var caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 100 Trying")
    let ringing = try #require(await peer.receive())
    #expect(Caller.statusLine(ringing) == "SIP/2.0 180 Ringing")
    #expect(Caller.header("To", of: ringing)?.hasSuffix(";tag=SCL_1") == true)
    let ok = try #require(await peer.receive("SIP/2.0 200"))
    #expect(ok.hasSuffix(TestAgent.answerSDP))
    #expect(Caller.header("Content-Type", of: ok) == "application/sdp")
    #expect(Caller.header("Contact", of: ok) == "<sip:\(await test.endpoint)\(tcp ? ";transport=tcp" : "")>")
    #expect(Caller.header("Server", of: ok) == "Trunkline")
    caller.learnTag(ok)
    #expect(caller.toTag == "SCL_1")
    peer.send(caller.request("ACK"))
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    caller.next()
    peer.send(caller.request("BYE", extra: "Reason: Q.850;cause=16;text=\"NORMAL\"\r\n"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "BYE")) == "SIP/2.0 200 OK")
    #expect(await test.terminated() == .remoteBye)
    let bye = await test.event { if case .bye = $0 { true } else { false } }
    if case .bye(_, let request) = bye { #expect(request.reason == "Q.850;cause=16;text=\"NORMAL\"") }
    #expect(await test.statistics.dialogs == 0)
    let invite = try #require(await test.invites.first)
    #expect(invite.from.displayName == "Caller" && invite.from.uri.user == "+15550100")
    #expect(invite.source == peer.local && invite.transport == (tcp ? .tcp : .udp))
    #expect(invite.body == Array(Caller.offer.utf8))
  }

  @Test("a retransmitted INVITE is answered again and is not a second call")
  func retransmission() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    for _ in 0..<3 {
      peer.send(caller.invite())
      #expect(await peer.receive("SIP/2.0 180") != nil)
    }
    #expect(await test.invites.count == 1)
  }

  @Test("a refused INVITE that comes again gets the same answer with the same tag and is not a second call")
  func refusedRetransmission() async throws {
    let test = try await TestAgent(
      .refuse(SIPResponse(404, "Not Found", headers: [SIPHeader("X-Trunkline-Reason", "no-trunk")])))
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    var answers: [String] = []
    for _ in 0..<3 {
      peer.send(caller.invite())
      answers.append(try #require(await peer.receive()))
    }
    peer.send(caller.request("ACK"))
    #expect(Caller.statusLine(answers[0]) == "SIP/2.0 404 Not Found")
    #expect(Caller.header("X-Trunkline-Reason", of: answers[0]) == "no-trunk")
    #expect(Caller.header("To", of: answers[0])?.hasSuffix("tag=SCL_1") == true)
    #expect(Set(answers).count == 1)
    #expect(await test.invites.count == 1)
    let statistics = await test.statistics
    #expect(statistics.transactions == 0 && statistics.liveInvites == 0)
  }

  @Test("a dropped INVITE is not answered, nor a retransmission of it")
  func dropped() async throws {
    let test = try await TestAgent(.drop) { $0.isHidden = true }
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    for _ in 0..<3 { peer.send(caller.invite()) }
    // What is answered first is what came last.
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 200 OK")
    #expect(await test.invites.count == 1)
    #expect(await test.statistics.transactions == 0)
  }

  @Test("a hidden agent sends no 100 and still completes a call that the handler takes")
  func hiddenCall() async throws {
    let test = try await TestAgent { $0.isHidden = true }
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 180 Ringing")
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 200 OK")
  }

  @Test("an ignored INVITE is told 100 and no more")
  func trying() async throws {
    let test = try await TestAgent(.ignore)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 100 Trying")
    #expect(await peer.receive(within: 0.4) == nil)
  }

  @Test("180 is sent as often as the handler asks")
  func repeatedRinging() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    #expect(await peer.receive("SIP/2.0 180") != nil)
    let id = try #require(await test.invites.first).id
    for _ in 0..<2 {
      await test.agent?.respond(to: id, with: SIPResponse(180, "Ringing"))
      #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 180 Ringing")
    }
  }

  @Test("CANCEL gets 200 and the INVITE 487 with the same tag")
  func cancel() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    #expect(await peer.receive("SIP/2.0 180") != nil)
    peer.send(caller.request("CANCEL"))
    let answers = [await peer.receive(), await peer.receive()].compactMap { $0 }
    let ok = answers.first { Caller.header("CSeq", of: $0) == "1 CANCEL" }
    let terminated = answers.first { Caller.header("CSeq", of: $0) == "1 INVITE" }
    #expect(Caller.statusLine(ok) == "SIP/2.0 200 OK")
    #expect(Caller.statusLine(terminated) == "SIP/2.0 487 Request Terminated")
    #expect(answers.allSatisfy { Caller.header("To", of: $0)?.hasSuffix("tag=SCL_1") == true })
    #expect(await test.terminated() == .cancelled)
    peer.send(caller.request("ACK"))
    #expect(await test.statistics.dialogs == 0)
  }

  @Test("the same request by another way is merged: 482")
  func merged() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    #expect(await peer.receive("SIP/2.0 180") != nil)
    caller.branch = GUID.make(prefix: "z9hG4bK")
    peer.send(caller.invite())
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 482 Request merged")
    #expect(await test.invites.count == 1)
  }

  @Test("a delayed offer is answered with ours and the answer comes with the ACK")
  func delayedOffer() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite(body: ""))
    let ok = try #require(await peer.receive("SIP/2.0 200"))
    #expect(ok.hasSuffix(TestAgent.answerSDP))
    #expect(await test.invites.first?.body.isEmpty == true)
    caller.learnTag(ok)
    peer.send(caller.request("ACK", body: Caller.offer))
    let event = await test.event { if case .acknowledged = $0 { true } else { false } }
    guard case .acknowledged(_, let sdp) = event else { return }
    #expect(sdp == Array(Caller.offer.utf8))
  }

  @Test("200 is retransmitted until the ACK; without one the call ends with BYE and no-ACK")
  func noACK() async throws {
    let test = try await TestAgent { $0.t1 = .milliseconds(20) }
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    for _ in 0..<3 { #expect(await peer.receive("SIP/2.0 200") != nil) }
    let bye = try #require(await peer.receive("BYE ", within: 10))
    #expect(Caller.header("Reason", of: bye)?.contains("no ACK") == true)
    #expect(await test.terminated() == .noACK)
  }

  @Test("hanging up before the ACK waits for it")
  func hangUpBeforeACK() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    let ok = try #require(await peer.receive("SIP/2.0 200"))
    let id = try #require(await test.invites.first).id
    await test.agent?.hangUp(id)
    #expect(await peer.receive("BYE ", within: 0.3) == nil)
    caller.learnTag(ok)
    peer.send(caller.request("ACK"))
    #expect(await peer.receive("BYE ") != nil)
  }

  @Test("hanging up while it rings refuses the INVITE with the status given")
  func hangUpRinging() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    #expect(await peer.receive("SIP/2.0 180") != nil)
    let id = try #require(await test.invites.first).id
    await test.agent?.hangUp(id, reason: "Q.850;cause=17", status: 486)
    let refusal = try #require(await peer.receive("SIP/2.0 4"))
    #expect(Caller.statusLine(refusal) == "SIP/2.0 486 Busy Here")
    #expect(Caller.header("Reason", of: refusal) == "Q.850;cause=17")
    #expect(await test.terminated() == .refused(486))
  }

  @Test("closing the agent ends every call with closed")
  func closing() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    #expect(await peer.receive("SIP/2.0 180") != nil)
    await test.agent?.close()
    #expect(await test.terminated() == .closed)
    await test.agent?.close()
  }

  @Test("a header value cannot smuggle a second header")
  func headerInjection() async throws {
    let test = try await TestAgent(
      .refuse(
        SIPResponse(403, "Forbidden", headers: [SIPHeader("X-A", "1\r\nX-B: 2"), SIPHeader("Bad Name", "3")])))
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    let refusal = try #require(await peer.receive())
    #expect(Caller.header("X-A", of: refusal) == "1  X-B: 2")
    #expect(Caller.header("X-B", of: refusal) == nil)
    #expect(!refusal.contains("Bad Name"))
  }
}
