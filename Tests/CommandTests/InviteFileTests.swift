import Base
import Foundation
import Telephony
import Testing

@testable import trunkline

@Suite struct InviteFileTests {
  /// A provider's form: compact names without spaces, a private To host, no `+`.
  static let compact = """
    INVITE sip:15550100@203.0.113.7:55040;transport=tcp SIP/2.0
    Via: SIP/2.0/TCP 192.0.2.10;branch=z9hG4bKa5fb.0
    v:SIP/2.0/UDP 10.0.0.4:6000;received=10.0.0.4;branch=z9hG4bKrgH3
    f:"15550123"<sip:15550123@sip.example.com>;tag=7y4S
    t:<sip:15550100@10.0.0.5:5080>
    i:70f83b11
    CSeq:1 INVITE
    X-Session:e49f

    """

  func file(_ text: String) throws -> String {
    let url = FileManager.default.temporaryDirectory.appending(path: "trunkline-invite-\(UUID().uuidString).txt")
    try text.write(to: url, atomically: true, encoding: .utf8)
    return url.path
  }

  @Test("an INVITE as text says who calls whom from where")
  func reading() throws {
    let call = try InviteFile.facts(ofText: file(Self.compact + "\n"), source: nil)
    #expect(call.fromUser == "15550123")
    #expect(call.fromHost == "sip.example.com")
    #expect(call.fromTag == "7y4S")
    #expect(call.toUser == "15550100")
    #expect(call.toHost == "10.0.0.5")
    #expect(call.source == IPAddress("192.0.2.10"))
    #expect(call.headers.contains(CallFacts.Header("X-Session", "e49f")))
  }

  @Test(
    "the source is what was given, else received, else an address in sent-by",
    arguments: [
      ("SIP/2.0/UDP 192.0.2.1:5060;branch=z", nil, "192.0.2.1"),
      ("SIP/2.0/UDP 10.0.0.1;received=192.0.2.2;branch=z", nil, "192.0.2.2"),
      ("SIP/2.0/UDP [2001:db8::1]:5060;branch=z", nil, "2001:db8::1"),
      ("SIP/2.0/UDP sbc.example.com;branch=z", "192.0.2.3", "192.0.2.3"),
    ])
  func source(_ via: String, _ given: String?, _ expected: String) throws {
    let text =
      "INVITE sip:b@h SIP/2.0\nVia: \(via)\nFrom: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: c\nCSeq: 1 INVITE\n\n"
    let call = try InviteFile.facts(ofText: file(text), source: given.flatMap { IPAddress($0) })
    #expect(call.source == IPAddress(expected))
  }

  @Test(
    "what is no INVITE, or says nothing of its source, is refused by name",
    arguments: [
      "hello", "OPTIONS sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1\n\n",
      "INVITE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP sbc.example.com\nFrom: <sip:a@h>;tag=1\nTo: <sip:b@h>\n\n",
    ])
  func refusing(_ text: String) throws {
    let path = try file(text)
    do throws(CommandFailure) {
      _ = try InviteFile.facts(ofText: path, source: nil)
      Issue.record("it was taken")
    } catch {
      #expect(error.code == .usage)
      #expect(error.description.hasPrefix(path))
    }
  }
}
