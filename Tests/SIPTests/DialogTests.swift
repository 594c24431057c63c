import Base
import SIP
import Testing

@Suite("inside a dialog", .timeLimit(.minutes(1)))
struct DialogTests {
  @Test("a re-INVITE is the handler's to answer, in the same dialog")
  func reinvite() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    caller.next()
    let hold = Caller.offer + "a=sendonly\r\n"
    peer.send(caller.invite(body: hold))
    let ok = try #require(await peer.answer(to: caller, "INVITE"))
    #expect(ok.hasSuffix(TestAgent.answerSDP))
    peer.send(caller.request("ACK"))
    let event = await test.event { if case .reinvite = $0 { true } else { false } }
    if case .reinvite(_, let request) = event { #expect(request.body == Array(hold.utf8)) }
    #expect(await test.invites.count == 1)
  }

  @Test("a re-INVITE without SDP asks for our offer, and its ACK brings the answer")
  func reinviteWithoutOffer() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    caller.next()
    peer.send(caller.invite(body: ""))
    #expect(await peer.answer(to: caller, "INVITE") != nil)
    peer.send(caller.request("ACK", body: Caller.offer))
    let event = await test.event { if case .acknowledged(_, let sdp) = $0 { !sdp.isEmpty } else { false } }
    if case .acknowledged(_, let sdp) = event { #expect(sdp == Array(Caller.offer.utf8)) }
  }

  @Test(
    "a request that changes no media is answered by the agent",
    arguments: [
      ("INFO", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "200 OK"),
      ("INFO", "application/xml", "<x/>", "415 Unsupported Media Type"),
      ("INFO", "", "", "200 OK"),
      ("UPDATE", "", "", "200 OK"),
      ("UPDATE", "application/sdp", Caller.offer, "200 OK"),
      ("UPDATE", "text/plain", "hello", "415 Unsupported Media Type"),
      ("OPTIONS", "", "", "200 OK"),
      ("NOTIFY", "", "", "489 Bad Event"),
      ("REFER", "", "", "400 Bad Request"),
      ("MESSAGE", "text/plain", "hi", "405 Method Not Allowed"),
      ("PRACK", "", "", "481 No such response"),
      ("FLY", "", "", "405 Method Not Allowed"),
    ])
  func others(method: String, type: String, body: String, status: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    caller.next()
    let extra = method == "PRACK" ? "RAck: 1 1 INVITE\r\n" : method == "NOTIFY" ? "Event: foo\r\n" : ""
    peer.send(caller.request(method, extra: extra, body: body, contentType: type))
    let answer = try #require(await peer.answer(to: caller, method))
    #expect(Caller.statusLine(answer) == "SIP/2.0 \(status)")
    if status.hasPrefix("405") { #expect(Caller.header("Allow", of: answer)?.contains("INVITE") == true) }
    if status.hasPrefix("415"), method == "UPDATE" {
      #expect(Caller.header("Accept", of: answer) == "application/sdp")
    }
    // The call has outlived it.
    caller.next()
    peer.send(caller.request("BYE"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "BYE")) == "SIP/2.0 200 OK")
  }

  @Test("an older CSeq than the last is refused")
  func outOfOrder() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    caller.sequenceNumber = 10
    _ = try #require(await peer.establish(&caller))
    caller.sequenceNumber = 8
    caller.next()
    peer.send(caller.request("INFO"))
    #expect(Caller.statusLine(await peer.answer(to: caller, "INFO")).hasPrefix("SIP/2.0 500"))
  }

  @Test("a second INVITE while the first is open is told to come back")
  func overlapping() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    caller.learnTag(await peer.receive("SIP/2.0 180"))
    caller.next()
    peer.send(caller.invite())
    let answer = try #require(await peer.receive("SIP/2.0 5"))
    #expect(Caller.statusLine(answer).hasPrefix("SIP/2.0 500"))
    #expect(Caller.header("Retry-After", of: answer) != nil)
  }

  @Test("a re-INVITE of ours before the ACK fails with 491")
  func earlyReinvite() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    #expect(await peer.receive("SIP/2.0 180") != nil)
    let id = try #require(await test.invites.first).id
    await test.agent?.reinvite(id, sdp: TestAgent.answerSDP)
    let event = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(let failed, let reply) = event { #expect(failed == id && reply.status == 491 && reply.isLocal) }
  }

  @Test("re-INVITEs that cross are both told 491")
  func glare() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.reinvite(try #require(await test.invites.first).id, sdp: TestAgent.answerSDP)
    let ours = try #require(await peer.receive("INVITE "))
    caller.next()
    peer.send(caller.invite())
    #expect(Caller.statusLine(await peer.answer(to: caller, "INVITE")).hasPrefix("SIP/2.0 491"))
    peer.send(Caller.response("491 Request Pending", to: ours))
    let event = await test.event { if case .failed = $0 { true } else { false } }
    if case .failed(_, let reply) = event { #expect(reply.status == 491 && !reply.isLocal) }
    caller.next()
    peer.send(caller.request("BYE"))
    #expect(await peer.answer(to: caller, "BYE") != nil)
  }

  @Test("BYE while it rings ends the call: 200, and 487 for the INVITE")
  func earlyBye() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    peer.send(caller.invite())
    caller.learnTag(await peer.receive("SIP/2.0 180"))
    caller.next()
    peer.send(caller.request("BYE"))
    let answers = [await peer.receive(), await peer.receive()].compactMap { $0 }
    #expect(answers.contains { $0.hasPrefix("SIP/2.0 200") && Caller.header("CSeq", of: $0) == "2 BYE" })
    #expect(answers.contains { $0.hasPrefix("SIP/2.0 487") && Caller.header("CSeq", of: $0) == "1 INVITE" })
    #expect(await test.terminated() == .remoteBye)
  }

  @Test("a session timer is accepted when the peer does the refreshing")
  func sessionTimer() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    let timer = "Supported: timer, path\r\nSession-Expires: 600;refresher=uac\r\nMin-SE: 90\r\n"
    let ok = try #require(await peer.establish(&caller, extra: timer))
    #expect(Caller.header("Session-Expires", of: ok) == "600;refresher=uac")
    #expect(Caller.header("Require", of: ok) == "timer")
    caller.next()
    peer.send(caller.invite(extra: timer))
    let refreshed = try #require(await peer.answer(to: caller, "INVITE"))
    #expect(Caller.header("Session-Expires", of: refreshed) == "600;refresher=uac")
  }

  @Test("a session timer that we would have to refresh is left out")
  func refreshByUs() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    let ok = try #require(
      await peer.establish(&caller, extra: "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n"))
    #expect(Caller.header("Session-Expires", of: ok) == nil)
  }

  @Test("our BYE follows the route set, reversed for nobody: Route as the Record-Route of the INVITE stood")
  func byeByRoute() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    caller.contact = "<sip:caller@10.9.8.7:5066;transport=udp>"
    let ok = try #require(
      await peer.establish(
        &caller,
        extra: """
          Record-Route: <sip:\(peer.local);lr;r2=on>, <sip:10.255.0.2;r2=on;lr>\r
          Record-Route: <sip:10.231.83.184:6050;lr;tnx=7c1.26b4>\r\n
          """))
    #expect(
      Caller.headers("Record-Route", of: ok) == [
        "<sip:\(peer.local);lr;r2=on>", "<sip:10.255.0.2;r2=on;lr>", "<sip:10.231.83.184:6050;lr;tnx=7c1.26b4>",
      ])
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.hangUp(try #require(await test.invites.first).id, reason: "Q.850;cause=16")
    let bye = try #require(await peer.receive("BYE "))
    #expect(bye.hasPrefix("BYE sip:caller@10.9.8.7:5066;transport=udp SIP/2.0\r\n"))
    #expect(
      Caller.headers("Route", of: bye).joined(separator: ",").filter { $0 != " " }
        == "<sip:\(peer.local);lr;r2=on>,<sip:10.255.0.2;r2=on;lr>,<sip:10.231.83.184:6050;lr;tnx=7c1.26b4>")
    #expect(Caller.header("Reason", of: bye) == "Q.850;cause=16")
    #expect(Caller.header("From", of: bye)?.hasSuffix("tag=SCL_1") == true)
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await test.terminated() == .localBye)
    #expect(await test.statistics.dialogs == 0)
  }

  @Test(
    "our BYE reaches a caller whose Contact leads nowhere",
    arguments: [
      "<sip:caller@10.9.8.7:5066>", "<sip:caller@phone.invalid;transport=ws>", "<sip:caller@192.168.1.7>",
      "<sip:caller@[fd00::77]:5060>",
    ])
  func byeBehindNAT(contact: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    caller.contact = contact
    _ = try #require(await peer.establish(&caller))
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.hangUp(try #require(await test.invites.first).id)
    let bye = try #require(await peer.receive("BYE "))
    #expect(bye.hasPrefix("BYE \(contact.dropFirst().dropLast()) SIP/2.0\r\n"))
    #expect(Caller.header("Route", of: bye) == nil)
  }

  @Test("a re-INVITE's new Contact is where the next request goes")
  func targetRefresh() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let elsewhere = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    caller.next()
    caller.contact = "<sip:moved@\(elsewhere.local)>"
    peer.send(caller.invite())
    #expect(await peer.answer(to: caller, "INVITE") != nil)
    peer.send(caller.request("ACK"))
    _ = await test.event { if case .reinvite = $0 { true } else { false } }
    await test.agent?.hangUp(try #require(await test.invites.first).id)
    #expect(await elsewhere.receive("BYE ")?.hasPrefix("BYE sip:moved@\(elsewhere.local) SIP/2.0\r\n") == true)
  }

  @Test("over TCP our requests come by the connection of the INVITE")
  func connectionReuse() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint, tcp: true)
    var caller = Caller(await test.endpoint, peer)
    caller.contact = "<sip:caller@127.0.0.1:9;transport=tcp>"
    _ = try #require(await peer.establish(&caller))
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    let id = try #require(await test.invites.first).id
    await test.agent?.reinvite(id, sdp: TestAgent.answerSDP)
    let reinvite = try #require(await peer.receive("INVITE "))
    #expect(reinvite.hasSuffix(TestAgent.answerSDP))
    peer.send(Caller.response("200 OK", to: reinvite, body: Caller.offer))
    #expect(await peer.receive("ACK ") != nil)
    let event = await test.event { if case .answered = $0 { true } else { false } }
    if case .answered(_, let reply) = event { #expect(reply.body == Array(Caller.offer.utf8)) }
    await test.agent?.hangUp(id)
    #expect(await peer.receive("BYE ") != nil)
  }

  @Test("requests leave from the address that the call came to")
  func sourceAddress() async throws {
    let other = try #require(IPAddress("127.0.0.2"))
    let test = try await TestAgent { $0.listenAddresses = [.loopbackV4, other] }
    let target = Endpoint(other, await test.endpoint.port)
    // A connected UDP socket hears `target` alone.
    let peer = try RawPeer(to: target)
    var caller = Caller(target, peer)
    let ok = try #require(await peer.establish(&caller))
    #expect(Caller.header("Contact", of: ok) == "<sip:\(target)>")
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.hangUp(try #require(await test.invites.first).id)
    let bye = try #require(await peer.receive("BYE "))
    #expect(Caller.header("Via", of: bye)?.contains("127.0.0.2") == true)
  }

  @Test("the announced address stands in Contact and Via")
  func announced() async throws {
    let announced = try #require(IPAddress("203.0.113.9"))
    let test = try await TestAgent {
      $0.announcedAddress = announced
      $0.contactUser = "trunkline"
      $0.userAgent = ""
    }
    let port = await test.endpoint.port
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    let ok = try #require(await peer.establish(&caller))
    #expect(Caller.header("Contact", of: ok) == "<sip:trunkline@203.0.113.9:\(port)>")
    #expect(Caller.header("Server", of: ok) == nil)
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.hangUp(try #require(await test.invites.first).id)
    let bye = try #require(await peer.receive("BYE "))
    #expect(Caller.header("Via", of: bye)?.hasPrefix("SIP/2.0/UDP 203.0.113.9:\(port);") == true)
  }
}
