import Base
import SIP
import Telephony
import Testing

@Suite("transfer", .timeLimit(.minutes(1)))
struct TransferTests {
  /// A call that the agent has answered, or that it has placed.
  private func establish(
    _ test: TestAgent, _ peer: RawPeer, isOutgoing: Bool
  ) async throws -> (InviteID, Caller) {
    var caller = Caller(await test.endpoint, peer)
    if !isOutgoing {
      _ = try #require(await peer.establish(&caller))
      _ = await test.event { if case .acknowledged = $0 { true } else { false } }
      caller.next()
      return (try #require(await test.invites.first).id, caller)
    }
    let id = await test.place(
      OutgoingInvite(uri: "sip:100@\(peer.local)", from: "sip:b@example.com", sdp: Caller.offer))
    let request = try #require(await peer.receive("INVITE "))
    peer.send(
      Caller.response(
        "200 OK", to: request, toTag: "them", extra: "Contact: <sip:caller@\(peer.local)>\r\n", body: Caller.offer))
    #expect(await peer.receive("ACK ") != nil)
    caller.reverse(request, tag: "them")
    return (id, caller)
  }

  private func notify(_ status: String, event: String = "refer", state: String = "active;expires=60") -> (
    extra: String, body: String
  ) {
    ("Event: \(event)\r\nSubscription-State: \(state)\r\n", "SIP/2.0 \(status)\r\n")
  }

  private func told(_ test: TestAgent) async -> [ReferNotification] {
    await test.events.compactMap { if case .referNotified(_, let told) = $0 { told } else { nil } }
  }

  @Test("our REFER and what becomes of it", arguments: [true, false])
  func refer(isOutgoing: Bool) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var (id, caller) = try await establish(test, peer, isOutgoing: isOutgoing)
    await test.agent?.refer(id, to: "<tel:+15550123>", headers: [SIPHeader("X-Why", "1")])
    let refer = try #require(await peer.receive("REFER "))
    #expect(refer.hasPrefix("REFER sip:caller@\(peer.local) SIP/2.0\r\n"))
    #expect(Caller.header("Refer-To", of: refer) == "<tel:+15550123>")
    #expect(Caller.header("X-Why", of: refer) == "1")
    #expect(Caller.header("Contact", of: refer)?.contains("\(await test.endpoint)") == true)
    peer.send(Caller.response("202 Accepted", to: refer))
    let answered = await test.event { if case .referAnswered = $0 { true } else { false } }
    let number = Caller.header("CSeq", of: refer)?.split(separator: " ").first.flatMap { UInt32($0) }
    if case .referAnswered(id, let reply, let sequenceNumber) = answered {
      #expect(reply.status == 202 && sequenceNumber == number)
    }
    for (status, state) in [
      ("100 Trying", "active"), ("180 Ringing", "active"), ("180 Ringing", "active"),
      ("200 OK", "terminated;reason=noresource"),
    ] {
      let (extra, body) = notify(status, state: state)
      peer.send(caller.request("NOTIFY", extra: extra, body: body, contentType: "message/sipfrag;version=2.0"))
      #expect(Caller.statusLine(await peer.answer(to: caller, "NOTIFY")) == "SIP/2.0 200 OK")
      caller.next()
    }
    #expect(
      await told(test) == [
        .status(SIPStatus(100, "Trying"), id: nil, isFinal: false),
        .status(SIPStatus(180, "Ringing"), id: nil, isFinal: false),
        .status(SIPStatus(200, "OK"), id: nil, isFinal: true),
      ])
    peer.send(caller.request("BYE"))
    #expect(await test.terminated() == .remoteBye)
  }

  @Test(
    "a NOTIFY that tells nothing is answered so",
    arguments: [
      ("Event: refer\r\n", "", "400"), ("Event: refer\r\n", "HTTP/1.1 200 OK\r\n", "400"),
      ("", "SIP/2.0 200 OK", "400"),
      ("Event: presence\r\n", "SIP/2.0 200 OK", "501"), ("o: refer\r\n", "SIP/2.0 603 Decline\r\n", "200"),
    ])
  func badNotify(extra: String, body: String, status: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, caller) = try await establish(test, peer, isOutgoing: false)
    await test.agent?.refer(id, to: "<sip:a@example.com>")
    peer.send(Caller.response("202 Accepted", to: try #require(await peer.receive("REFER "))))
    _ = await test.event { if case .referAnswered = $0 { true } else { false } }
    peer.send(
      caller.request(
        "NOTIFY", extra: extra + "Subscription-State: active\r\n", body: body, contentType: "message/sipfrag"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "NOTIFY")).hasPrefix("SIP/2.0 \(status) "))
    #expect(await told(test).count == (status == "200" ? 1 : 0))
  }

  @Test(
    "a REFER that is refused, or challenged without a password, leaves the call up", arguments: ["603", "407", "501"])
  func refusedRefer(status: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var (id, caller) = try await establish(test, peer, isOutgoing: false)
    await test.agent?.refer(id, to: "<sip:a@example.com>")
    peer.send(
      Caller.response(
        "\(status) No", to: try #require(await peer.receive("REFER ")),
        extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"))
    let event = await test.event { if case .referAnswered = $0 { true } else { false } }
    if case .referAnswered(_, let reply, _) = event { #expect("\(reply.status)" == status) }
    let (extra, body) = notify("200 OK")
    peer.send(caller.request("NOTIFY", extra: extra, body: body, contentType: "message/sipfrag"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "NOTIFY")).hasPrefix("SIP/2.0 489 "))
    // Another one may be tried.
    await test.agent?.refer(id, to: "<sip:b@example.com>")
    var again = try #require(await peer.receive("REFER "))
    while again.contains("sip:a@") { again = try #require(await peer.receive("REFER ")) }
    peer.send(Caller.response("202 Accepted", to: again))
    caller.next()
    peer.send(caller.request("BYE"))
    #expect(await test.terminated() == .remoteBye)
  }

  @Test("a REFER that cannot be sent is answered all the same")
  func unsent() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    _ = await test.event { if case .invite = $0 { true } else { false } }
    let id = try #require(await test.invites.first).id
    await test.agent?.refer(id, to: "<sip:a@example.com>")
    await test.agent?.refer(InviteID(rawValue: 99), to: "<sip:a@example.com>")
    while await test.events.count(where: { if case .referAnswered = $0 { true } else { false } }) < 2 {
      await test.pause()
    }
    let failures = await test.events.compactMap { event in
      if case .referAnswered(_, let reply, 0) = event { reply.localFailure } else { nil }
    }
    #expect(failures == [.pending, .noCall])
  }

  @Test("the peer's REFER is told, answered and followed to its end", arguments: [true, false])
  func referred(isOutgoing: Bool) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var (id, caller) = try await establish(test, peer, isOutgoing: isOutgoing)
    let extra =
      "Refer-To: \"C <x>\" <sip:carol@example.com?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\nReferred-By: <sip:bob@example.com>\r\n"
    peer.send(caller.request("REFER", extra: extra))
    let event = await test.event { if case .referReceived = $0 { true } else { false } }
    guard case .referReceived(let told, let refer) = event else { return }
    #expect(told == id && refer.target.user == "carol" && refer.referredBy == "<sip:bob@example.com>")
    #expect(refer.target.replaces == ReplacesHeader(callID: "abc", toTag: "1", fromTag: "2"))
    let number = caller.sequenceNumber
    await test.agent?.answerRefer(id, .ok)
    #expect(Caller.statusLine(await peer.answer(to: caller, "REFER")) == "SIP/2.0 202 Accepted")
    let trying = try #require(await peer.receive("NOTIFY "))
    #expect(trying.hasSuffix("\r\n\r\nSIP/2.0 100 Trying\r\n"))
    #expect(Caller.header("Event", of: trying) == "refer")
    #expect(Caller.header("Subscription-State", of: trying)?.hasPrefix("active") == true)
    #expect(Caller.header("Content-Type", of: trying)?.hasPrefix("message/sipfrag") == true)
    // Meanwhile another one has to wait; of two statuses that wait for an answer the later is sent.
    caller.next()
    peer.send(caller.request("REFER", extra: extra))
    #expect(Caller.statusLine(await peer.answer(to: caller, "REFER")).hasPrefix("SIP/2.0 491 "))
    await test.agent?.notifyReferrer(id, SIPStatus(180, "Ringing"), isFinal: false)
    await test.agent?.notifyReferrer(id, SIPStatus(486, "Busy Here"), isFinal: true)
    await test.agent?.notifyReferrer(id, .ok, isFinal: true)
    peer.send(Caller.response("200 OK", to: trying))
    var last = try #require(await peer.receive("NOTIFY "))
    while last.contains("100 Trying") { last = try #require(await peer.receive("NOTIFY ")) }
    #expect(last.hasSuffix("\r\n\r\nSIP/2.0 486 Busy Here\r\n"))
    #expect(Caller.header("Subscription-State", of: last) == "terminated;reason=noresource")
    peer.send(Caller.response("200 OK", to: last))
    // The second REFER of a dialog is told apart by its number.
    caller.next()
    peer.send(caller.request("REFER", extra: extra))
    while await test.events.count(where: { if case .referReceived = $0 { true } else { false } }) < 2 {
      await test.pause()
    }
    await test.agent?.answerRefer(id, .ok)
    var second = try #require(await peer.receive("NOTIFY "))
    while second.contains("486") { second = try #require(await peer.receive("NOTIFY ")) }
    #expect(Caller.header("Event", of: second) == "refer;id=\(caller.sequenceNumber)")
    #expect(caller.sequenceNumber == number + 2)
  }

  @Test("the handler's refusal of a REFER is its answer, and nothing is notified")
  func refusal() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, caller) = try await establish(test, peer, isOutgoing: false)
    peer.send(caller.request("REFER", extra: "Refer-To: sip:c@example.com\r\n"))
    _ = await test.event { if case .referReceived = $0 { true } else { false } }
    await test.agent?.answerRefer(id, SIPStatus(603, "Decline"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "REFER")) == "SIP/2.0 603 Decline")
    await test.agent?.notifyReferrer(id, .ok, isFinal: true)
    #expect(await peer.receive("NOTIFY ", within: 0.2) == nil)
  }

  @Test(
    "a REFER that names nobody, or several, is 400",
    arguments: [
      "", "Refer-To: \r\n", "Refer-To: <mailto:a@b>\r\n", "Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n",
      "Refer-To: <sip:a@b?Replaces=x>\r\n", "Refer-To: <sip:\r\n",
    ])
  func badRefer(extra: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (_, caller) = try await establish(test, peer, isOutgoing: false)
    peer.send(caller.request("REFER", extra: extra))
    #expect(Caller.statusLine(await peer.answer(to: caller, "REFER")).hasPrefix("SIP/2.0 400 "))
  }

  @Test("a peer that knows of no subscription gets no more of it, and hanging up with all of it open ends clean")
  func ends() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let (id, caller) = try await establish(test, peer, isOutgoing: true)
    peer.send(caller.request("REFER", extra: "Refer-To: <sip:c@example.com>\r\n"))
    _ = await test.event { if case .referReceived = $0 { true } else { false } }
    await test.agent?.answerRefer(id, .ok)
    let trying = try #require(await peer.receive("NOTIFY "))
    await test.agent?.notifyReferrer(id, SIPStatus(180, "Ringing"), isFinal: false)
    peer.send(Caller.response("481 Gone", to: trying))
    await test.agent?.refer(id, to: "<sip:d@example.com>")
    #expect(await peer.receive("REFER ") != nil)
    await test.agent?.hangUp(id)
    let bye = try #require(await peer.receive("BYE "))
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await test.terminated() == .localBye)
    #expect(await test.statistics.dialogs == 0)
  }
}
