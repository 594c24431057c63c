import Base
import SIP
import Testing

/// INVITEs in the shapes that providers send, with invented numbers, names and ids.
@Suite("provider INVITEs", .timeLimit(.minutes(1)))
struct ProviderTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    var name: String
    var message: String
    var fromUser: String
    var fromHost: String
    var toUser: String
    var userAgent: String?
    /// A header and its value that the gateway maps to attributes.
    var header: SIPHeader
    var testDescription: String { name }
  }

  /// `%LOCAL%` is where the provider's edge is reached; `%T%` its transport in Via, `%t%` in URIs.
  static let shapes = [
    Shape(
      name: "Twilio",
      message: """
        INVITE sip:+15550100199@%TARGET%;transport=%t% SIP/2.0
        Record-Route: <sip:%LOCAL%;transport=%t%;r2=on;lr>
        Record-Route: <sip:54.172.60.9;r2=on;lr>
        From: <sip:+15550100123@acme.pstn.twilio.com:5060>;tag=57340112_c3356d0b_%ID%
        To: <sip:+15550100199@acme.voip.example.com;transport=%t%>
        CSeq: 29044 INVITE
        Max-Forwards: 60
        P-Asserted-Identity: <sip:+15550100123@198.51.100.12:5060>
        Diversion: <sip:+15550100199@twilio.com>;reason=unconditional
        Call-ID: 0f3e6e86a53e3094ed17b4776a69af00@0.0.0.0
        Via: SIP/2.0/%T% %LOCAL%;branch=z9hG4bK1dc3.f822d4f6a9d2c3b351d555992ddc6b78.0
        Via: SIP/2.0/UDP 172.25.75.240:5060;rport=5060;branch=z9hG4bK658bbbdc-370e-4c02_c3356d0b_588-149
        Contact: <sip:+15550100123@172.25.75.240:5060;transport=udp>
        Allow: ACK,BYE,CANCEL,INVITE,OPTIONS,REFER,NOTIFY
        X-Twilio-AccountSid: AC00000000000000000000000000000000
        User-Agent: Twilio Gateway
        Content-Type: application/sdp
        X-Twilio-CallSid: CA11111111111111111111111111111111
        Content-Length: %LENGTH%

        """, fromUser: "+15550100123", fromHost: "acme.pstn.twilio.com", toUser: "+15550100199",
      userAgent: "Twilio Gateway", header: SIPHeader("X-Twilio-CallSid", "CA11111111111111111111111111111111")),
    Shape(
      name: "Telnyx",
      message: """
        INVITE sip:15550100144@%TARGET%;transport=%t%;gw=telnyx SIP/2.0
        Record-Route: <sip:%LOCAL%;transport=%t%;r2=on;lr;ftag=7y4SjHZ1Fer9D>
        Record-Route: <sip:10.255.0.2;r2=on;lr;ftag=7y4SjHZ1Fer9D>
        Record-Route: <sip:10.231.83.184:6050;lr;tnx=7c1.26b4>
        Via: SIP/2.0/%T% %LOCAL%;branch=z9hG4bKa5fb.cd6a5a07bbe709b919dd8775f1a61abb.0
        Via: SIP/2.0/UDP 10.231.83.184:6050;rport=6050;branch=z9hG4bKa5fb.98890060b2f0d0aecad248f41a30c22a.0
        v:SIP/2.0/UDP 10.231.91.24:6000;received=10.231.91.24;rport=6000;branch=z9hG4bKrgH3XvvDg2NZN
        Max-Forwards:24
        f:"15550100180"<sip:15550100180@sip.telnyx.com>;tag=%ID%
        t:<sip:15550100144@10.231.83.184>
        i:70f83b11-2dbe-47e9-8604-6afaa29efc00
        CSeq:115676495 INVITE
        m:<sip:mod_sofia@10.231.91.24:6000>
        Allow:INVITE,ACK,BYE,CANCEL,OPTIONS,MESSAGE,INFO,UPDATE,REFER,NOTIFY
        k:timer,path
        u:talk,hold,conference,refer
        Privacy:none
        c:application/sdp
        Content-Disposition:session
        l:%LENGTH%
        X-Telnyx-Session-ID:e49f6b7e-0000-11f1-8842-02420aef99a0
        P-Asserted-Identity:"15550100180"<sip:15550100180@sip.telnyx.com;verstat=TN-Validation-Passed-C>

        """, fromUser: "15550100180", fromHost: "sip.telnyx.com", toUser: "15550100144", userAgent: nil,
      header: SIPHeader("X-Telnyx-Session-ID", "e49f6b7e-0000-11f1-8842-02420aef99a0")),
    Shape(
      name: "SignalWire",
      message: """
        INVITE sip:+15550100714@%TARGET%;transport=%t% SIP/2.0
        Record-Route: <sip:%LOCAL%;transport=%t%;lr;ftag=Kc9QZg4496maQ;nat=yes>
        Via: SIP/2.0/%T% %LOCAL%;received=127.0.0.1;branch=z9hG4bK0da2.36614b8977461b486ceabc004c723476.0;i=617261
        Via: SIP/2.0/TLS 137.184.87.1:35181;rport=56533;received=137.184.87.1;branch=z9hG4bKQNa6meey5Dj2g
        Max-Forwards: 69
        From: <sip:+15550100259@example.com>;tag=%ID%
        To: <sip:+15550100714@voice.example.com>
        Call-ID: dc2c5b33-1b81-43ee-9213-afb56f4e0000
        CSeq: 96743476 INVITE
        Contact: <sip:mod_sofia@10.184.87.1:35181;transport=tls;swrad=10.184.87.1~56533~3>
        User-Agent: SignalWire
        Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY
        Supported: timer, path, replaces
        Allow-Events: talk, hold, conference, refer
        Session-Expires: 600;refresher=uac
        Min-SE: 90
        Content-Type: application/sdp
        Content-Disposition: session
        Content-Length: %LENGTH%
        X-Relay-Call-ID: dc2c5b33-1b81-43ee-9213-afb56f4e0000
        Remote-Party-ID: <sip:+15550100259@example.com>;party=calling;screen=yes;privacy=off

        """, fromUser: "+15550100259", fromHost: "example.com", toUser: "+15550100714", userAgent: "SignalWire",
      header: SIPHeader("X-Relay-Call-ID", "dc2c5b33-1b81-43ee-9213-afb56f4e0000")),
  ]

  @Test("a whole call, hung up by us along the route", arguments: shapes, [false, true])
  func call(shape: Shape, tcp: Bool) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint, tcp: tcp)
    let text = shape.message.replacing("\n", with: "\r\n").replacing("%TARGET%", with: "\(await test.endpoint)")
      .replacing("%LOCAL%", with: "\(peer.local)").replacing("%T%", with: tcp ? "TCP" : "UDP")
      .replacing("%t%", with: tcp ? "tcp" : "udp").replacing("%ID%", with: GUID.make())
      .replacing("%LENGTH%", with: "\(Caller.offer.utf8.count)")
    peer.send(text + "\r\n" + Caller.offer)
    let ok = try #require(await peer.receive("SIP/2.0 200"))
    let recordRoutes = Caller.headers("Record-Route", of: text)
    #expect(Caller.headers("Record-Route", of: ok) == recordRoutes)

    let invite = try #require(await test.invites.first)
    #expect(invite.from.uri.user == shape.fromUser && invite.from.uri.host == shape.fromHost)
    #expect(invite.to.uri.user == shape.toUser && invite.requestURI.user == shape.toUser)
    #expect(invite.userAgent == shape.userAgent)
    #expect(invite.headers.first(shape.header.name) == shape.header.value)
    #expect(invite.via.count == Caller.headers("Via", of: text).count + Caller.headers("v", of: text).count)
    #expect(invite.source == peer.local)
    #expect(invite.body == Array(Caller.offer.utf8))

    peer.send(acknowledgement(text, ok, method: "ACK"))
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.hangUp(invite.id)
    let bye = try #require(await peer.receive("BYE "))
    let contact = try #require(invite.contact).uri.description
    #expect(bye.hasPrefix("BYE \(contact) SIP/2.0\r\n"))
    #expect(
      Caller.headers("Route", of: bye).joined(separator: ",").filter { $0 != " " }
        == recordRoutes.joined(separator: ","))
    peer.send(Caller.response("200 OK", to: bye))
    #expect(await test.terminated() == .localBye)
  }

  /// The ACK as a provider sends it: through its proxy, without a Route that is left.
  private func acknowledgement(_ invite: String, _ ok: String, method: String) -> String {
    let via = (Caller.headers("Via", of: invite).first ?? "").replacing("branch=z9hG4bK", with: "branch=z9hG4bKack")
    let cseq = (Caller.header("CSeq", of: ok) ?? "").split(separator: " ").first ?? ""
    let callID = Caller.header("Call-ID", of: ok) ?? Caller.header("i", of: ok) ?? ""
    return """
      \(method) \(Caller.header("Contact", of: ok)?.dropFirst().dropLast() ?? "") SIP/2.0\r
      Via: \(via)\r
      From: \(Caller.header("From", of: ok) ?? Caller.header("f", of: ok) ?? "")\r
      To: \(Caller.header("To", of: ok) ?? Caller.header("t", of: ok) ?? "")\r
      Call-ID: \(callID)\r
      CSeq: \(cseq) \(method)\r
      Max-Forwards: 68\r
      Content-Length: 0\r
      \r\n
      """
  }
}
