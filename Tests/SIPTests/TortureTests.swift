import Base
import SIP
import Testing

/// Messages in the manner of RFC 4475: legal ones that parsers trip over, and illegal ones that must get their status.
@Suite("torture", .timeLimit(.minutes(1)))
struct TortureTests {
  /// `%TARGET%` and `%LOCAL%` stand for the two endpoints, `%ID%` for something unique.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    /// Start of the status line; nil: nothing is answered.
    var status: String?
    var startLine = "INVITE sip:100@%TARGET% SIP/2.0"
    var via = "Via: SIP/2.0/UDP %LOCAL%;rport;branch=z9hG4bK%ID%"
    var from = "From: <sip:a@example.com>;tag=%ID%"
    var to = "To: <sip:100@example.com>"
    var callID = "Call-ID: %ID%@example.com"
    var cseq = "CSeq: 7 INVITE"
    var contact = "Contact: <sip:a@%LOCAL%>"
    var maxForwards = "Max-Forwards: 70"
    var more: [String] = []
    var type = "Content-Type: application/sdp"
    /// Nil: the length of the body.
    var contentLength: String?
    var body = Caller.offer
    var trailing = ""
    var testDescription: String { name }

    func text(target: Endpoint, local: Endpoint) -> String {
      let length = contentLength ?? "Content-Length: \(body.utf8.count)"
      let lines = [startLine, via, from, to, callID, cseq, maxForwards, contact] + more + [type, length]
      return (lines.filter { !$0.isEmpty }.joined(separator: "\r\n") + "\r\n\r\n" + body + trailing)
        .replacing("%TARGET%", with: "\(target)").replacing("%LOCAL%", with: "\(local)")
        .replacing("%ID%", with: GUID.make())
    }
  }

  static let legal = [
    Case(
      name: "white space and folding wherever it is allowed", status: "180",
      startLine: "INVITE sip:vivekg@%TARGET%;unknownparam SIP/2.0",
      via:
        "Via  : SIP  /   2.0\r\n /UDP\r\n    %LOCAL%;rport;branch=z9hG4bK%ID%\r\nv: SIP/2.0/TCP spindle.example.com ;\r\n"
        + "  branch = z9hG4bK9ikj8 ,\r\n SIP / 2.0 / UDP 192.168.255.111 ; branch=\r\n z9hG4bK30239",
      from: "From   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = %ID%",
      to: "TO :\r\n sip:vivekg@example.com ;   tagless = 1918181833n", cseq: "cseq: 0009\r\n  INVITE",
      more: [
        "s :", "NewFangledHeader:   newfangled value\r\n continued newfangled value",
        "UnknownHeaderWithUnusualValue: ;;,,;;,;",
      ],
      type: "c:\r\n application/sdp"),
    Case(
      name: "a method of unusual characters", status: "405",
      startLine:
        "interesting-Method!0123456789_*.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@%TARGET% SIP/2.0",
      cseq: "CSeq: 139122385 interesting-Method!0123456789_*.%indeed'~", type: "", body: ""),
    Case(
      name: "escapes in URIs", status: "180", startLine: "INVITE sip:sips%3Auser%40example.com@%TARGET% SIP/2.0",
      from: "From: <sip:I%20have%20spaces@example.net>;tag=%ID%", to: "To: sip:%75se%72@example.com"),
    Case(name: "an escaped NUL", status: "180", from: "From: sip:null-%00-null@example.com;tag=%ID%"),
    Case(
      name: "an escape in a method is no escape", status: "405", startLine: "RE%47IST%45R sip:%TARGET% SIP/2.0",
      cseq: "CSeq: 29344 RE%47IST%45R", type: "", body: ""),
    Case(
      name: "no space between display name and URI", status: "200", startLine: "OPTIONS sip:user@%TARGET% SIP/2.0",
      from: "From: caller<sip:caller@example.com>;tag=%ID%", cseq: "CSeq: 60 OPTIONS", type: "", body: ""),
    Case(
      name: "long values", status: "180",
      from: "From: sip:" + String(repeating: "amazinglylongcallername", count: 5) + "@example.net;tag=12"
        + String(repeating: "982", count: 50) + "424;unknownheaderparamname"
        + String(repeating: "long", count: 10) + "=unknownheaderparam" + String(repeating: "value", count: 20),
      to: "To: \"I have a user name of extreme proportion\"<sip:" + String(repeating: "user", count: 40)
        + "@example.com>",
      more: [String(repeating: "UnknownHeader", count: 10) + ": " + String(repeating: "value-", count: 100)]),
    Case(
      name: "bytes after the body of a datagram", status: "405", startLine: "REGISTER sip:%TARGET% SIP/2.0",
      cseq: "CSeq: 8 REGISTER", type: "", body: "",
      trailing: "INVITE sip:joe@example.com SIP/2.0\r\nt: <sip:joe@example.com>\r\n\r\n"),
    Case(
      name: "semicolons in the user part", status: "200",
      startLine: "OPTIONS sip:user;par=u%40example.net@%TARGET% SIP/2.0", cseq: "CSeq: 8 OPTIONS", type: "", body: ""),
    Case(
      name: "unknown transports further down the Via list", status: "200",
      startLine: "OPTIONS sip:user@%TARGET% SIP/2.0",
      via:
        "Via: SIP/2.0/UDP %LOCAL%;rport;branch=z9hG4bK%ID%\r\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKkasjdf\r\n"
        + "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\r\nVia: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en",
      cseq: "CSeq: 8 OPTIONS", type: "", body: ""),
    Case(
      name: "a multipart body of a method that we do not have", status: "405",
      startLine: "MESSAGE sip:kumiko@%TARGET% SIP/2.0", cseq: "CSeq: 8 MESSAGE",
      type: "Content-Type: multipart/mixed;boundary=7a9",
      body: "--7a9\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9--\r\n"),
    Case(
      name: "compact names without a space after the colon", status: "180",
      via: "v:SIP/2.0/UDP %LOCAL%;rport;branch=z9hG4bK%ID%", from: "f:\"15550100\"<sip:15550100@example.com>;tag=%ID%",
      to: "t:<sip:100@example.com>", callID: "i:%ID%", cseq: "CSeq:7 INVITE", contact: "m:<sip:a@%LOCAL%>",
      more: ["k:timer,path", "u:talk"], type: "c:application/sdp"),
    Case(name: "a tel URI in From", status: "180", from: "From: <tel:+15550100;phone-context=example.com>;tag=%ID%"),
    Case(
      name: "a Date in the wrong zone", status: "180", more: ["Date: Fri, 01 Jan 2010 16:00:00 EST"]),
    Case(
      name: "a transaction id that is only the cookie", status: "180",
      via: "Via: SIP/2.0/UDP %LOCAL%;rport;branch=z9hG4bK"),
    Case(
      name: "line feeds without carriage returns in an unknown header's fold", status: "180", more: ["X-Fold: a\r\n\tb"]
    ),
    Case(name: "a header line without a colon", status: "180", more: ["This is not a header"]),
    Case(name: "spaces inside an addr-spec", status: "180", to: "To: \"Watson, Thomas\" < sip:t.watson@example.org >"),
    Case(name: "a Max-Forwards that is no number is as none", status: "180", maxForwards: "Max-Forwards: three"),
  ]

  static let illegal = [
    Case(name: "header separators too many", status: "400", to: "To: <sip:100@example.com>;;;,,"),
    Case(
      name: "a Via that leads nowhere", status: "400 Bad Via Header",
      via: "Via: SIP/2.0/UDP %LOCAL%;rport;branch=z9hG4bK%ID%;;,;,,"),
    Case(name: "a Content-Length beyond the datagram", status: "400", contentLength: "Content-Length: 9999"),
    Case(name: "a negative Content-Length", status: "400", contentLength: "Content-Length: -999"),
    Case(name: "a CSeq number that does not fit", status: "400", cseq: "CSeq: 36893488147419103232 INVITE"),
    Case(
      name: "a quoted string without an end", status: "400",
      to: "To: \"Mr. J. User <sip:j.user@example.com>"),
    Case(name: "a Request-URI in angle brackets", status: "400", startLine: "INVITE <sip:user@%TARGET%> SIP/2.0"),
    Case(
      name: "a request line that is none", status: "400 Bad Request", startLine: "INVITE sip:user@%TARGET%; lr SIP/2.0"),
    Case(
      name: "another version", status: "505", startLine: "INVITE sip:100@%TARGET% SIP/7.0",
      via: "Via: SIP/7.0/UDP %LOCAL%;rport;branch=z9hG4bK%ID%"),
    Case(name: "a CSeq of another method", status: "400", cseq: "CSeq: 8 OPTIONS"),
    Case(
      name: "an unknown method and a CSeq of another", status: "400", startLine: "NEWMETHOD sip:user@%TARGET% SIP/2.0",
      cseq: "CSeq: 8 INVITE"),
    Case(name: "no From", status: "400", from: ""),
    Case(name: "no To", status: "400", to: ""),
    Case(name: "no Call-ID", status: "400", callID: ""),
    Case(name: "no CSeq", status: "400", cseq: ""),
    Case(name: "no Contact", status: "400 Missing Contact Header", contact: ""),
    Case(name: "no From tag, as in RFC 2543", status: "400 Missing From Tag", from: "From: <sip:a@example.com>"),
    Case(name: "no Via", status: nil, via: ""),
    Case(
      name: "an unknown URI scheme", status: "416",
      startLine: "INVITE nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
    Case(
      name: "an unknown URI scheme with an authority", status: "416",
      startLine: "INVITE soap.beep://192.0.2.103:3002 SIP/2.0"),
    Case(name: "a body without Content-Type", status: "400 Missing Content-Type Header", type: ""),
    Case(name: "two From headers", status: "400", more: ["From: <sip:b@example.com>;tag=2"]),
    Case(name: "two Call-IDs", status: "400", more: ["Call-ID: 98asdh@192.0.2.2"]),
    Case(name: "two Content-Lengths that differ", status: "400", more: ["Content-Length: 5"]),
    Case(
      name: "characters in a display name that need quotes", status: "400",
      from: "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
  ]

  @Test("a legal message is understood", arguments: legal)
  func understood(testCase: Case) async throws { try await check(testCase) }

  @Test("an illegal message gets its status", arguments: illegal)
  func refused(testCase: Case) async throws { try await check(testCase) }

  private func check(_ testCase: Case) async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(testCase.text(target: await test.endpoint, local: peer.local))
    var answer = await peer.receive(within: testCase.status == nil ? 0.3 : 5)
    if answer?.hasPrefix("SIP/2.0 100") == true { answer = await peer.receive() }
    let line = Caller.statusLine(answer)
    if let status = testCase.status {
      #expect(line.hasPrefix("SIP/2.0 \(status)"), "\(line)")
      // A reason phrase stands after the status.
      #expect(line.utf8.count > 12, "\(line)")
    } else {
      #expect(answer == nil, "\(line)")
    }
    // The agent lives.
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive("SIP/2.0 200") != nil)
  }

  @Test(
    "what is not SIP at all is ignored",
    arguments: [
      "\r\n\r\n", "\0", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n",
      "SIP/2.0 4294967301 better not break the receiver\r\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\r\n"
        + "CSeq: 353494 INVITE\r\nCall-ID: x\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\r\n",
      "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\n"
        + "Call-ID: bcast\r\nCSeq: 35 INVITE\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nContact: <sip:a@127.0.0.1>\r\n\r\n",
    ])
  func noise(text: String) async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(text)
    #expect(await peer.receive(within: 0.2) == nil)
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive("SIP/2.0 200") != nil)
  }

  @Test("what is no text is not answered, not even STUN", arguments: [0x00, 0x01, 0x14, 0x16, 0x80, 0xBF, 0xF8, 0xFF])
  func binary(first: UInt8) async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    peer.send([first, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + (0..<12).map { UInt8($0) })
    // What is answered first is what came last.
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive()?.hasPrefix("SIP/2.0 200") == true)
  }

  @Test("escapes in a user part are resolved, and a NUL among them cuts nothing off")
  func escapes() async throws {
    let test = try await TestAgent(.ring)
    let peer = try RawPeer(to: await test.endpoint)
    for user in ["I%20have%20spaces", "null-%00-null", "%E9t%C3%A9", "100%25", "%zz%4"] {
      let testCase = Case(name: user, from: "From: <sip:\(user)@example.com>;tag=%ID%")
      peer.send(testCase.text(target: await test.endpoint, local: peer.local))
      // Not each of them is answered; the one that comes after tells that it has been read.
      peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
      _ = await peer.receive("SIP/2.0 200")
    }
    let users = await test.invites.map(\.from.uri.user)
    #expect(users.prefix(2) == ["I have spaces", "null-\0-null"])
    #expect(users.contains("100%"))
  }
}
