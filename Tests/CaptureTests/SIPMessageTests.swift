import Base
import Capture
import Testing

@Suite("SIP messages as text")
struct SIPMessageTests {
  private let telnyx = Files.text(
    [
      "INVITE sip:12025550144@203.0.113.7:55040;transport=tcp;gw=telnyx SIP/2.0",
      "Record-Route: <sip:192.0.2.10;transport=tcp;r2=on;lr;ftag=7y4S>", "Record-Route: <sip:10.255.0.2;r2=on;lr>",
      "Via: SIP/2.0/TCP 192.0.2.10;branch=z9hG4bKa5fb.0",
      "v:SIP/2.0/UDP 10.231.91.24:6000;received=10.231.91.24;rport=6000;branch=z9hG4bKin",
      "Max-Forwards:24", "f:\"A;B <x>\"<sip:15550100180@example.com>;tag=7y4SjHZ1", "t:<sip:12025550144@10.231.83.184>",
      "i:70f83b11", "CSeq:115676495 INVITE", "m:<sip:mod_sofia@10.231.91.24:6000>", "Subject: one\r\n\ttwo",
      "c:application/sdp",
      "l:5", "X-Odd : yes",
    ], body: "v=0\r\n")

  @Test("a message reads back byte for byte")
  func roundTrip() throws {
    #expect(try #require(SIPMessage(parsing: telnyx)).bytes == telnyx)
    #expect(try #require(SIPMessage(parsing: Files.options)).bytes == Files.options)
  }

  @Test("compact names, missing spaces, folds and quotes are understood")
  func fields() throws {
    let message = try #require(SIPMessage(parsing: telnyx))
    #expect(message.method == "INVITE")
    #expect(message.requestURI == "sip:12025550144@203.0.113.7:55040;transport=tcp;gw=telnyx")
    #expect(message.callID == "70f83b11")
    #expect(message.fromTag == "7y4SjHZ1")
    #expect(message.toTag == nil)
    #expect(message.branch == "z9hG4bKa5fb.0")
    #expect(message.values("via").count == 2)
    #expect(message.cseq?.number == 115_676_495)
    #expect(message.value("From").map(SIPValue.uri) == "sip:15550100180@example.com")
    #expect(message.value("X-Odd") == "yes")
    #expect(message.value("Subject")?.contains("two") == true)
    #expect(message.body == Array("v=0\r\n".utf8))
  }

  @Test(
    "what is no SIP message is told from one",
    arguments: [
      "", "\r\n\r\n", "hello\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "INVITE sip:a SIP/2.0\r\nVia: x\r\n",
      "INVITE sip:a SIP/2.0\r\nno colon\r\n\r\n", "SIP/2.0 200 OK", "invite sip:a SIP/2.0\r\n\r\n",
    ])
  func foreign(text: String) {
    #expect(SIPMessage(parsing: Array(text.utf8)) == nil)
  }

  @Test("a response shows its status and phrase")
  func response() throws {
    let message = try #require(SIPMessage(parsing: Files.text(["SIP/2.0 407 Proxy Authentication Required", "l: 0"])))
    #expect(message.status == 407)
    #expect(message.reasonPhrase == "Proxy Authentication Required")
    #expect(message.method == nil)
    #expect(message.requestURI == nil)
  }

  @Test(
    "a body is cut at its Content-Length, and one that is shorter is kept",
    arguments: [("l: 3", "abc"), ("l: 99", "abcdef"), ("X: y", "abcdef"), ("l: -4", "")])
  func contentLength(header: String, expected: String) throws {
    let message = try #require(SIPMessage(parsing: Files.text(["SIP/2.0 200 OK", header], body: "abcdef")))
    #expect(String(decoding: message.body, as: UTF8.self) == expected)
  }

  @Test(
    "parameters are read and changed where they stand",
    arguments: [
      ("<sip:a@b;tag=inner>;tag=x;y=1", "x", "<sip:a@b;tag=inner>;tag=NEW;y=1"),
      ("sip:a@b;tag=x", "x", "sip:a@b;tag=NEW"),
      ("\"q;tag=no\" <sip:a@b> ; tag = x", "x", "\"q;tag=no\" <sip:a@b> ;tag=NEW"),
      ("<sip:a@b>", nil, "<sip:a@b>;tag=NEW"),
      ("<sip:a@b>;TAG=x", "x", "<sip:a@b>;tag=NEW"),
    ] as [(String, String?, String)])
  func parameters(value: String, expected: String?, changed: String) {
    #expect(SIPValue.parameter("tag", of: value) == expected)
    #expect(SIPValue.setting("tag", to: "NEW", in: value) == changed)
    #expect(SIPValue.parameter("tag", of: SIPValue.setting("tag", to: nil, in: value)) == nil)
  }

  @Test(
    "host and port are changed and nothing else",
    arguments: [
      ("sip:a@192.0.2.1:5070;transport=tcp", "sip:a@NEW:1;transport=tcp"), ("sip:192.0.2.1", "sip:NEW:1"),
      ("sip:a@[2001:db8::1]:5060;lr", "sip:a@NEW:1;lr"), ("sips:a:secret@host?x=y", "sips:a:secret@NEW:1?x=y"),
    ])
  func hosts(uri: String, expected: String) {
    #expect(SIPValue.settingHostPort("NEW:1", inURI: uri) == expected)
  }

  @Test(
    "the user of a URI",
    arguments: [("sip:+15550100@h", "+15550100"), ("sip:a:b@h", "a"), ("sip:h", nil), ("sip:+1;x=y@h", "+1")])
  func users(uri: String, user: String?) {
    #expect(SIPValue.user(ofURI: uri) == user)
  }
}
