import Base
import Capture
import Foundation
import SDP
import Testing

@Suite("Making a captured call today's")
struct CallRewriterTests {
  private static let ends = CallRewriter.Ends(
    transport: .udp, signalling: Endpoint(.loopbackV4, 40_000), media: Endpoint(.loopbackV4, 40_002),
    target: "127.0.0.1:5066")

  private func rewriter(_ name: String, _ ends: CallRewriter.Ends = ends) throws -> (CallRewriter, CapturedCall) {
    let call = try Files.call(name)
    return (CallRewriter(call: call, ends: ends, token: "today"), call)
  }

  @Test(
    "an INVITE gets our ids and addresses and keeps the provider's shape",
    arguments: ["twilio-udp", "telnyx-udp", "signalwire-udp"])
  func invite(name: String) throws {
    let (rewriter, call) = try rewriter(name)
    let invite = rewriter.invite(call.invite, sequenceNumber: 5, branch: "z9hG4bKnew")
    #expect(invite.callID == "today-\(call.callID)")
    #expect(invite.fromTag == rewriter.localTag)
    #expect(invite.branch == "z9hG4bKnew")
    #expect(invite.cseq?.number == 5)
    #expect(invite.requestURI.map(SIPValue.hostPort) == "127.0.0.1:5066")
    #expect(invite.requestURI.flatMap(SIPValue.user) == call.invite.requestURI.flatMap(SIPValue.user))
    #expect(invite.value("Via")?.hasPrefix("SIP/2.0/UDP 127.0.0.1:40000;") == true)
    #expect(invite.values("Via").dropFirst() == call.invite.values("Via").dropFirst())
    let route = try #require(invite.values("Record-Route").first)
    #expect(SIPValue.hostPort(ofURI: SIPValue.uri(of: route)) == "127.0.0.1:40000")
    #expect(invite.values("Record-Route").dropFirst() == call.invite.values("Record-Route").dropFirst())
    #expect(invite.value("Contact") == call.invite.value("Contact"))
    #expect(invite.headers.map(\.name) == call.invite.headers.map(\.name))
    #expect(SDPText.audioEndpoint(in: invite.body) == Self.ends.media)
    #expect(invite.value("Content-Length") == String(invite.body.count))
  }

  @Test("compact headers stay compact")
  func compact() throws {
    var ends = Self.ends
    ends.transport = .tcp
    let (rewriter, call) = try rewriter("telnyx-tcp", ends)
    let text = String(
      decoding: rewriter.invite(call.invite, sequenceNumber: 1, branch: "z9hG4bKn").bytes, as: UTF8.self)
    #expect(text.contains("\r\ni:today-"))
    #expect(text.contains("\r\nv:SIP/2.0/UDP 10.231.91.24:6000"))
    #expect(text.contains("\r\nl:"))
    #expect(text.contains("Via: SIP/2.0/TCP 127.0.0.1:40000;branch=z9hG4bKn;rport\r\n"))
    #expect(text.contains("<sip:127.0.0.1:40000;transport=tcp;r2=on;lr"))
  }

  @Test("without a Record-Route the Contact leads back to us")
  func contact() throws {
    let (rewriter, call) = try rewriter("pbx-pcma-30ms")
    let invite = rewriter.invite(call.invite, sequenceNumber: 1, branch: "z9hG4bKn")
    #expect(invite.value("Contact") == "<sip:+15550123@127.0.0.1:40000;transport=udp>")
    var ends = Self.ends
    ends.transport = .tcp
    let (overTCP, _) = try self.rewriter("pbx-pcma-30ms", ends)
    #expect(
      overTCP.invite(call.invite, sequenceNumber: 1, branch: "b").value("Contact")
        == "<sip:+15550123@127.0.0.1:40000;transport=tcp>")
  }

  @Test("requests in the dialog go to the other side's Contact under its tag")
  func inDialog() throws {
    let (rewriter, call) = try rewriter("twilio-udp")
    let bye = rewriter.dialogRequest(
      call.steps[0].request, method: "BYE", sequenceNumber: 9, branch: "b", remoteTag: "SCL_x",
      target: "sip:127.0.0.1:5066")
    #expect(bye.startLine == "BYE sip:127.0.0.1:5066 SIP/2.0")
    #expect(bye.toTag == "SCL_x")
    #expect(bye.cseq?.method == "BYE")
    #expect(bye.value("Reason") == "Q.850;cause=16;text=\"NORMAL_CLEARING\"")
  }

  @Test("ACK of a refusal and CANCEL repeat the INVITE's Via, target and number")
  func companions() throws {
    let (rewriter, call) = try rewriter("twilio-udp")
    let invite = rewriter.invite(call.invite, sequenceNumber: 7, branch: "z9hG4bKn")
    let cancel = rewriter.companion(of: invite, method: "CANCEL", to: nil)
    #expect(cancel.requestURI == invite.requestURI)
    #expect(cancel.values("Via") == Array(invite.values("Via").prefix(1)))
    #expect(cancel.cseq?.number == 7)
    #expect(cancel.value("To") == invite.value("To"))
    let ack = rewriter.companion(of: invite, method: "ACK", to: "<sip:a@b>;tag=t")
    #expect(ack.toTag == "t")
    #expect(ack.value("Record-Route") == nil)
    #expect(ack.body.isEmpty)
  }

  @Test(
    "a description is moved and otherwise left alone",
    arguments: [
      (
        "c=IN IP4 203.0.113.1\r\nm=audio 5000 RTP/AVP 0\r\na=rtcp:5001\r\na=x:y\r\n",
        "c=IN IP4 127.0.0.1\r\nm=audio 40002 RTP/AVP 0\r\na=rtcp:40003\r\na=x:y\r\n"
      ),
      ("c=IN IP4 0.0.0.0\r\nm=audio 5000 RTP/AVP 0\r\n", "c=IN IP4 0.0.0.0\r\nm=audio 40002 RTP/AVP 0\r\n"),
      (
        "m=video 6000 RTP/AVP 31\r\nc=IN IP4 203.0.113.2\r\nm=audio 0 RTP/AVP 0\r\nm=audio 5000 RTP/AVP 0\r\nc=IN IP4 203.0.113.1\r\n",
        "m=video 6000 RTP/AVP 31\r\nc=IN IP4 203.0.113.2\r\nm=audio 0 RTP/AVP 0\r\nm=audio 40002 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n"
      ),
      (
        "m=audio 5000 RTP/AVP 0\na=rtcp:5001 IN IP4 203.0.113.1\n",
        "m=audio 40002 RTP/AVP 0\na=rtcp:40003 IN IP4 127.0.0.1\n"
      ),
    ])
  func description(before: String, after: String) {
    let moved = SDPText.movingAudio(to: Self.ends.media, in: Array(before.utf8))
    #expect(String(decoding: moved, as: UTF8.self) == after)
  }

  @Test("every expectation reads, and says how the call ends", arguments: Files.names)
  func expectations(name: String) throws {
    let data = try Data(contentsOf: Files.pcaps.appending(path: "\(name).json"))
    let expectation = try JSONDecoder().decode(Expectation.self, from: data)
    #expect(expectation.caller?.endedBy != nil)
    #expect(expectation.caller?.responses?.isEmpty == false)
    #expect(expectation.description?.isEmpty == false)
    #expect(try JSONDecoder().decode(Expectation.self, from: JSONEncoder().encode(expectation)) == expectation)
  }
}
