import Base
import SIP
import Testing

@Suite("sipp", .serialized, .timeLimit(.minutes(2)), .enabled(if: Sipp.isInstalled))
struct SippTests {
  @Test("calls in a row", arguments: ["u1", "t1", "tn"])
  func calls(transport: String) async throws {
    // With `tn` each call comes by a connection of its own.
    let test = try await TestAgent { $0.maxTCPConnectionsPerSource = 500 }
    let result = try await Sipp.run(
      "uac", target: "\(await test.endpoint)", ["-t", transport, "-m", "200", "-r", "200", "-d", "20"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(await test.inviteCount == 200)
    await test.settle()
    #expect(await test.terminatedCount == 200)
  }

  // Their memory is measured by the acceptance tests, in a process that runs nothing else.
  @Test("1,000 calls leave no dialog and no id behind")
  func thousandCalls() async throws {
    let test = try await TestAgent { $0.t1 = .milliseconds(50) }
    let target = "\(await test.endpoint)"
    let warm = try await Sipp.run("uac", target: target, ["-m", "500", "-r", "300", "-d", "10"])
    #expect(warm.status == 0, "\(warm.errors)")
    await test.settle()
    let result = try await Sipp.run("uac", target: target, ["-m", "1000", "-r", "300", "-d", "10"])
    #expect(result.status == 0, "\(result.errors)")
    await test.settle()
    let statistics = await test.statistics
    #expect(statistics.liveInvites == 0 && statistics.dialogs == 0 && statistics.transactions == 0)
    #expect(await test.terminatedCount == 1500)
  }

  @Test("a caller that cancels")
  func cancel() async throws {
    let test = try await TestAgent(.ring)
    let result = try await Sipp.run(Self.cancelScenario, target: "\(await test.endpoint)", ["-m", "20", "-r", "50"])
    #expect(result.status == 0, "\(result.errors)")
    await test.settle()
    #expect(await test.terminatedCount == 20)
  }

  @Test("a caller that holds and resumes")
  func hold() async throws {
    let test = try await TestAgent()
    let result = try await Sipp.run(Self.reinviteScenario, target: "\(await test.endpoint)", ["-m", "20", "-r", "50"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(await test.inviteCount == 20)
  }

  @Test("a call that we place to sipp")
  func callee() async throws {
    let test = try await TestAgent()
    // A port that was free a moment ago.
    let port = try RawPeer(to: await test.endpoint).local.port
    async let sipp = Sipp.run("uas", target: nil, ["-p", "\(port)", "-m", "1", "-timeout", "20"])
    var outcome: SIPTermination?
    for _ in 0..<40 where outcome == nil {
      // Until sipp listens the kernel refuses.
      let attempt = try await TestAgent { $0.t1 = .milliseconds(20) }
      let id = await attempt.place(
        OutgoingInvite(uri: "sip:service@127.0.0.1:\(port)", from: "sip:tester@example.com", sdp: Caller.offer))
      let event = await attempt.event {
        switch $0 {
        case .answered, .terminated: true
        default: false
        }
      }
      guard case .answered = event else { continue }
      await attempt.agent?.hangUp(id)
      outcome = await attempt.terminated()
    }
    #expect(outcome == .localBye)
    #expect(try await sipp.status == 0)
  }

  private static let invite = """
    <send retrans="500"><![CDATA[

    INVITE sip:100@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:100@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP[local_ip_type] [local_ip]
    s=-
    c=IN IP[media_ip_type] [media_ip]
    t=0 0
    m=audio 30000 RTP/AVP 0

    ]]></send>
    <recv response="100" optional="true"/>
    <recv response="180" rrs="true"/>

    """

  private static let cancelScenario = """
    <?xml version="1.0" encoding="ISO-8859-1" ?>
    <scenario name="cancel">
    \(invite)
    <send><![CDATA[

    CANCEL sip:100@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:100@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 CANCEL
    Max-Forwards: 70
    Content-Length: 0

    ]]></send>
    <recv response="200"/>
    <recv response="487"/>
    <send><![CDATA[

    ACK sip:100@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-6]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

    ]]></send>
    </scenario>
    """

  private static func request(_ method: String, _ sequenceNumber: Int, sdp: Bool = false) -> String {
    let body =
      sdp
      ? "v=0\no=- 1 2 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio 30000 RTP/AVP 0\na=sendonly\n" : ""
    return """
      <send><![CDATA[

      \(method) [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:100@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: \(sequenceNumber) \(method)
      Contact: <sip:sipp@[local_ip]:[local_port]>
      Max-Forwards: 70
      \(sdp ? "Content-Type: application/sdp\n" : "")Content-Length: [len]

      \(body)
      ]]></send>

      """
  }

  private static let reinviteScenario = """
    <?xml version="1.0" encoding="ISO-8859-1" ?>
    <scenario name="hold">
    \(invite)<recv response="200" rrs="true"/>
    \(request("ACK", 1))\(request("INVITE", 2, sdp: true))<recv response="100" optional="true"/>
    <recv response="200"/>
    \(request("ACK", 2))\(request("BYE", 3))<recv response="200"/>
    </scenario>
    """
}
