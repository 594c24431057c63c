import Base
import SIP
import Testing

@Suite("refusals", .timeLimit(.minutes(1)))
struct RefusalTests {
  @Test("OPTIONS says what we speak", arguments: [false, true])
  func options(tcp: Bool) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint, tcp: tcp)
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    let ok = try #require(await peer.receive())
    #expect(Caller.statusLine(ok) == "SIP/2.0 200 OK")
    #expect(Caller.header("Allow", of: ok) == "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY")
    #expect(Caller.header("Accept", of: ok) == "application/sdp")
    #expect(Caller.header("Supported", of: ok) == "timer, replaces")
    #expect(await test.statistics.transactions == 0)
  }

  @Test(
    "a method that we do not have is 405 with Allow",
    arguments: [
      "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "INFO", "UPDATE", "PRACK", "REFER", "FROBNICATE", "invite",
    ])
  func methods(method: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).request(method))
    let answer = try #require(await peer.receive())
    #expect(Caller.statusLine(answer) == "SIP/2.0 405 Method Not Allowed")
    #expect(Caller.header("Allow", of: answer)?.hasPrefix("INVITE, ACK") == true)
    #expect(Caller.header("To", of: answer)?.contains("tag=") == true)
  }

  @Test("an unknown dialog is 481", arguments: ["INVITE", "BYE", "INFO", "UPDATE", "NOTIFY", "REFER", "OPTIONS"])
  func unknownDialog(method: String) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    caller.toTag = "nobody"
    peer.send(caller.request(method))
    #expect(Caller.statusLine(await peer.receive()).hasPrefix("SIP/2.0 481 "))
    #expect(await test.invites.isEmpty)
  }

  @Test("BYE and NOTIFY without a To-tag are 400, CANCEL of nothing is 481, ACK of nothing is silence")
  func withoutTag() async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    for (method, status) in [("BYE", "400 Missing To Tag"), ("NOTIFY", "400 Missing To Tag")] {
      peer.send(Caller(await test.endpoint, peer).request(method))
      #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 \(status)")
    }
    peer.send(Caller(await test.endpoint, peer).request("CANCEL"))
    #expect(Caller.statusLine(await peer.receive()).hasPrefix("SIP/2.0 481 "))
    peer.send(Caller(await test.endpoint, peer).request("ACK"))
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive()?.contains(" OPTIONS\r\n") == true)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var extra = ""
    var maxForwards = "Max-Forwards: 70\r\n"
    var type = "application/sdp"
    var body = Caller.offer
    var status: String
    var header: SIPHeader?
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "Max-Forwards 0", maxForwards: "Max-Forwards: 0\r\n", status: "483 Too Many Hops"),
    Case(
      name: "Require of the unknown", extra: "Require: 100rel, precondition\r\n", status: "420 Bad Extension",
      header: SIPHeader("Unsupported", "100rel, precondition")),
    Case(
      name: "Require of a timer that we would refresh",
      extra: "Require: timer\r\nSession-Expires: 90;refresher=uas\r\n", status: "420 Bad Extension",
      header: SIPHeader("Unsupported", "timer")),
    Case(
      name: "another Content-Type", type: "multipart/mixed;boundary=x", status: "415 Unsupported Media Type",
      header: SIPHeader("Accept", "application/sdp")),
    Case(
      name: "Content-Encoding", extra: "Content-Encoding: gzip\r\n", status: "415 Unsupported Media Type",
      header: SIPHeader("Accept-Encoding", "identity")),
    Case(name: "no Max-Forwards is accepted", maxForwards: "", status: "180 Ringing"),
    Case(name: "Require: timer is accepted", extra: "Require: timer\r\nSession-Expires: 90\r\n", status: "180 Ringing"),
    Case(name: "Content-Type with parameters", type: "Application/SDP; charset=utf-8", status: "180 Ringing"),
    Case(name: "unknown headers", extra: "X-Foo: bar\r\nNewFangled: 1\r\n", status: "180 Ringing"),
  ]

  @Test("what an INVITE asks for or carries", arguments: cases)
  func content(testCase: Case) async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    let caller = Caller(await test.endpoint, peer)
    peer.send(
      caller.request(
        "INVITE", extra: testCase.extra, body: testCase.body, contentType: testCase.type,
        maxForwards: testCase.maxForwards))
    var answer = try #require(await peer.receive())
    if answer.hasPrefix("SIP/2.0 100") { answer = try #require(await peer.receive()) }
    #expect(Caller.statusLine(answer) == "SIP/2.0 \(testCase.status)")
    if let header = testCase.header { #expect(Caller.header(header.name, of: answer) == header.value) }
  }

  @Test("a hidden agent answers no stranger's request but an OPTIONS that was admitted")
  func hidden() async throws {
    let test = try await TestAgent { $0.isHidden = true }
    let peer = try RawPeer(to: await test.endpoint)
    var stray = Caller(await test.endpoint, peer)
    peer.send(stray.request("REGISTER"))
    peer.send(stray.request("BYE"))
    stray.toTag = "nobody"
    peer.send(stray.request("INFO"))
    peer.send("INVITE sip:100@\(await test.endpoint) SIP/2.0\r\nVia: SIP/2.0/UDP \(peer.local);branch=z9hG4bKx\r\n\r\n")
    peer.send(Caller(await test.endpoint, peer).request("INVITE", cseqMethod: "BYE"))
    let cutOff = Caller(await test.endpoint, peer).request("INVITE", body: Caller.offer)
    peer.send(cutOff.replacing(/Content-Length: \d+/, with: "Content-Length: 9999"))
    // What is answered first is what came last.
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(Caller.statusLine(await peer.receive()) == "SIP/2.0 200 OK")
  }
}
