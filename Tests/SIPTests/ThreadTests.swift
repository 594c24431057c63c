import Base
import SIP
import Testing

@Suite("SIP thread", .timeLimit(.minutes(1)))
struct ThreadTests {
  @Test("work of the SIP actor runs on the SIP thread, work of others does not")
  func isolation() async {
    #expect(SIPThread.shared.isIsolatingCurrentContext() == false)
    await Task { @SIPActor in
      #expect(SIPThread.shared.isIsolatingCurrentContext() == true)
      SIPActor.shared.assertIsolated()
    }.value
  }

  @Test("a timer fires once, another again and again until cancelled in its own body")
  @SIPActor
  func timers() async {
    var once = 0
    var often = 0
    var repeating: SIPTimer?
    let single = SIPTimer(after: .milliseconds(1)) { once += 1 }
    await withCheckedContinuation { continuation in
      repeating = SIPTimer(after: .milliseconds(2), repeats: true) {
        often += 1
        guard often == 3 else { return }
        repeating?.cancel()
        continuation.resume()
      }
    }
    await pause(.milliseconds(20))
    #expect(once == 1 && often == 3)
    single.cancel()
  }

  @Test("a timer that is cancelled or released does not fire")
  @SIPActor
  func cancelled() async {
    var count = 0
    let first = SIPTimer(after: .milliseconds(5)) { count += 1 }
    var second: SIPTimer? = SIPTimer(after: .milliseconds(5)) { count += 1 }
    first.cancel()
    first.cancel()
    #expect(second != nil)
    second = nil
    await pause(.milliseconds(30))
    #expect(count == 0)
  }

  @SIPActor
  private func pause(_ time: Duration) async {
    var timer: SIPTimer?
    await withCheckedContinuation { continuation in
      timer = SIPTimer(after: time) { continuation.resume() }
    }
    timer?.cancel()
  }

  @Test("a port that is taken is an error that names it")
  func taken() async throws {
    let first = try await TestAgent()
    let port = await first.endpoint.port
    await #expect(throws: SIPAgentError("cannot bind udp 127.0.0.1:\(port)")) {
      _ = try await TestAgent { $0.port = port }
    }
    await #expect(throws: SIPAgentError.self) { _ = try await TestAgent { $0.listenAddresses = [] } }
    await #expect(throws: SIPAgentError.self) {
      _ = try await TestAgent { $0.listenAddresses = [IPAddress(v4: 0xC000_0201)] }
    }
  }

  @Test("a closed agent's port can be had again")
  func reuse() async throws {
    let first = try await TestAgent()
    let port = await first.endpoint.port
    await first.agent?.close()
    let second = try await TestAgent { $0.port = port }
    #expect(await second.endpoint.port == port)
  }

  @Test("IPv6", arguments: [false, true])
  func ipv6(tcp: Bool) async throws {
    let loopback = try #require(IPAddress("::1"))
    let test = try await TestAgent { $0.listenAddresses = [.loopbackV4, loopback] }
    let target = Endpoint(loopback, await test.endpoint.port)
    let peer = try RawPeer(to: target, tcp: tcp)
    var caller = Caller(target, peer)
    caller.local = Endpoint(loopback, peer.local.port)
    let ok = try #require(await peer.establish(&caller))
    #expect(Caller.header("Contact", of: ok) == "<sip:\(target)\(tcp ? ";transport=tcp" : "")>")
    #expect(await test.invites.first?.source == caller.local)
    _ = await test.event { if case .acknowledged = $0 { true } else { false } }
    await test.agent?.hangUp(try #require(await test.invites.first).id)
    #expect(await peer.receive("BYE ") != nil)
  }
}
