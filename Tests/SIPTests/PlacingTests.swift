import Base
import SIP
import Telephony
import Testing

@Suite("what our INVITE says", .timeLimit(.minutes(1)))
struct PlacingTests {
  @Test("every part is as it was given")
  func parts() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var invite = OutgoingInvite(
      uri: "sip:+15550199;ext=7@example.com;user=phone",
      from: "\"A \\\"B\\\"\" <sip:+15550100@\(OutboundCallPlan.localHostPlaceholder)>", fromTag: "SCL_abc",
      callID: "Xyz123", to: "\"Bob\" <sip:bob@example.net>",
      target: SIPHostPort(host: "127.0.0.1", port: peer.local.port), sdp: Caller.offer)
    invite.routes = ["<sip:proxy.example.com;lr>", "<sip:edge.example.com:5070;transport=udp;lr>"]
    invite.headers = [SIPHeader("X-One", "1"), SIPHeader("X-One", "2\r\nEvil: 1")]
    let id = await test.place(invite)
    let request = try #require(await peer.receive("INVITE "))
    #expect(request.hasPrefix("INVITE sip:+15550199;ext=7@example.com;user=phone SIP/2.0\r\n"))
    #expect(Caller.header("From", of: request) == "\"A \\\"B\\\"\" <sip:+15550100@127.0.0.1>;tag=SCL_abc")
    #expect(Caller.header("To", of: request) == "\"Bob\" <sip:bob@example.net>")
    #expect(Caller.header("Call-ID", of: request) == "Xyz123")
    #expect(Caller.header("Contact", of: request) == "<sip:\(await test.endpoint)>")
    #expect(
      Caller.headers("Route", of: request).joined(separator: ",").filter { $0 != " " }
        == "<sip:proxy.example.com;lr>,<sip:edge.example.com:5070;transport=udp;lr>")
    #expect(Caller.headers("X-One", of: request) == ["1", "2  Evil: 1"])
    #expect(Caller.header("Supported", of: request) == "replaces")
    #expect(Caller.header("Allow", of: request)?.contains("REFER") == true)
    await test.agent?.hangUp(id)
  }

  @Test(
    "the first Route names the target, else the URI does",
    arguments: [(["<sip:127.0.0.1:%PORT%;lr>"], "sip:a@192.0.2.1"), ([], "sip:a@127.0.0.1:%PORT%")])
  func destination(routes: [String], uri: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    func filled(_ text: String) -> String { text.replacing("%PORT%", with: "\(peer.local.port)") }
    _ = await test.place(
      OutgoingInvite(
        uri: filled(uri), from: "sip:b@example.com", routes: routes.map(filled), sdp: Caller.offer))
    #expect(await peer.receive("INVITE ")?.hasPrefix("INVITE \(filled(uri)) SIP/2.0\r\n") == true)
  }

  @Test("the transport asked for goes before the one that the URI names", arguments: [TrunkTransport.tcp, .udp])
  func transport(transport: TrunkTransport) async throws {
    let callee = try await TestAgent()
    let caller = try await TestAgent()
    let endpoint = await callee.endpoint
    _ = await caller.place(
      OutgoingInvite(
        uri: "sip:a@\(endpoint);transport=\(transport == .tcp ? "udp" : "tcp")", from: "sip:b@example.com",
        target: SIPHostPort(host: "127.0.0.1", port: endpoint.port), transport: transport, sdp: Caller.offer))
    let answered = await caller.event {
      switch $0 {
      case .answered, .failed: true
      default: false
      }
    }
    if case .failed(_, let reply) = answered { Issue.record("\(reply)") }
    #expect(await callee.invites.first?.transport == (transport == .tcp ? .tcp : .udp))
  }

  @Test(
    "what cannot be sent fails as an event, and nothing is left",
    arguments: [
      ("", "sip:b@c"), ("sip:", "sip:b@c"), ("tel:1", "sip:b@c"), ("sips:a@127.0.0.1", "sip:b@c"),
      ("sip:a@127.0.0.1;transport=tls", "sip:b@c"), ("sip:a@127.0.0.1:99999", "sip:b@c"), ("sip:a@127.0.0.1", ""),
      ("sip:a@127.0.0.1", "sip:b@c\r\nEvil: 1"), ("sip:a b@127.0.0.1", "sip:b@c"), ("sip:a@127.0.0.1", "<sip:b@c"),
      ("mailto:a@b", "sip:b@c"),
    ])
  func unsendable(uri: String, from: String) async throws {
    let test = try await TestAgent()
    let id = await test.place(OutgoingInvite(uri: uri, from: from, sdp: Caller.offer))
    let event = await test.event { if case .failed(id, _) = $0 { true } else { false } }
    guard case .failed(_, let reply) = event else { return }
    #expect(reply.status == 400 && reply.localFailure == .invalid)
    #expect(await test.terminated() == .failed(400))
    let statistics = await test.statistics
    #expect(statistics.liveInvites == 0 && statistics.dialogs == 0)
  }

  @Test("a tag or Call-ID that is no token is not sent", arguments: ["a b", "a;b", "a\"", "<a>"])
  func tokens(text: String) async throws {
    let test = try await TestAgent()
    for (tag, callID) in [(text, nil), (nil, text)] as [(String?, String?)] {
      _ = await test.place(
        OutgoingInvite(
          uri: "sip:a@127.0.0.1:9", from: "sip:b@c", fromTag: tag, callID: callID, sdp: Caller.offer))
    }
    while await test.terminatedCount < 2 { await test.pause() }
    #expect(
      await test.events.allSatisfy { event in
        if case .failed(_, let reply) = event { reply.localFailure == .invalid } else { true }
      })
  }
}
