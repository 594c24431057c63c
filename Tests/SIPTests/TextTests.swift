import Base
import Testing

@testable import SIP

@Suite("text of requests and challenges")
struct TextTests {
  @Test(
    "a SIP URI is taken apart",
    arguments: [
      ("sip:+1555@example.com", "+1555", "example.com", nil, ""),
      ("SIP:a%40b@10.0.0.1:5080;transport=tcp;lr?X=1", "a@b", "10.0.0.1", 5080, "transport=tcp;lr"),
      ("sips:[2001:db8::1]:5061", "", "2001:db8::1", 5061, ""),
      ("sip:user:password@host", "user:password", "host", nil, ""),
    ] as [(String, String, String, UInt16?, String)])
  func uri(text: String, user: String, host: String, port: UInt16?, parameters: String) throws {
    let uri = try #require(SIPURI(text: text))
    #expect(uri.user == user && uri.host == host && uri.port == port && uri.parameters == parameters)
  }

  @Test(
    "what is no SIP URI is none",
    arguments: ["", "sip", "http://a", "sip:", "sip:a@", "sip:a@b:x", "sip:a@[::1", "sip:a@b:70000"])
  func noURI(text: String) { #expect(SIPURI(text: text) == nil) }

  @Test(
    "a display name loses its quotes",
    arguments: [("\"A \\\"B\\\" \\\\C\"", "A \"B\" \\C"), ("Plain", "Plain"), ("\"", "\""), ("\"\"", ""), ("", "")])
  func displayName(text: String, name: String) { #expect(SIPAddress.unquoted(text) == name) }

  @Test("credentials do not print their password")
  func secrecy() {
    #expect(!"\(SIPCredentials(username: "alice", password: "secret"))".contains("secret"))
  }

  @Test(
    "session timer of the answer",
    arguments: [
      (["Supported: timer", "Session-Expires: 1800"], "1800;refresher=uac"),
      (["Supported: path, timer", "Session-Expires: 90; refresher=uac"], "90;refresher=uac"),
      (["Require: timer", "Session-Expires: 90"], "90;refresher=uac"),
      (["Session-Expires: 90"], nil), (["Supported: timer"], nil),
      (["Supported: timer", "Session-Expires: 90;refresher=uas"], nil),
      (["Supported: timer", "Session-Expires: soon"], nil),
    ] as [([String], String?)])
  func sessionTimer(lines: [String], answer: String?) {
    let headers = lines.map { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      return SIPHeader(String(parts[0]), String(parts[1].dropFirst()))
    }
    #expect(RequestPolicy.sessionTimerHeaders(headers).first("Session-Expires") == answer)
  }

  @Test("header names compare without case")
  func names() {
    let headers = [SIPHeader("X-One", "1"), SIPHeader("x-one", "2"), SIPHeader("X[One", "3")]
    #expect(headers.first("X-ONE") == "1")
    #expect(headers.all("x-One") == ["1", "2"])
    #expect(headers.first("X-On") == nil)
  }
}
