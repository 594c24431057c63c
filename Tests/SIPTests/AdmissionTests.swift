import Base
import SIP
import Testing

@Suite("admission", .timeLimit(.minutes(1)))
struct AdmissionTests {
  @Test("a source that is not admitted gets nothing, whatever it sends")
  func dropped() async throws {
    let test = try await TestAgent { $0.admit = { _ in .drop } }
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    peer.send(Caller(await test.endpoint, peer).request("REGISTER"))
    while await test.statistics.droppedRequests < 3 { await test.pause() }
    #expect(await peer.receive(within: 0.1) == nil)
    #expect(await test.invites.isEmpty)
  }

  @Test("a source that is turned away gets one stateless answer with Retry-After")
  func rejected() async throws {
    let test = try await TestAgent {
      $0.admit = { $0.isInvite ? .reject(status: 503, reasonPhrase: "Slow\r\nDown", retryAfterSeconds: 7) : .allow }
    }
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite())
    let answer = try #require(await peer.receive())
    #expect(Caller.statusLine(answer) == "SIP/2.0 503 Slow  Down")
    #expect(Caller.header("Retry-After", of: answer) == "7")
    #expect(await peer.receive(within: 0.3) == nil)
    let statistics = await test.statistics
    #expect(statistics.transactions == 0 && statistics.liveInvites == 0)
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive("SIP/2.0 200") != nil)
  }

  @Test("admission is told source, transport and whether it is an INVITE", arguments: [false, true])
  func arrival(tcp: Bool) async throws {
    let arrivals = Arrivals()
    let test = try await TestAgent {
      $0.admit = { arrival in
        arrivals.list.append(arrival)
        return .allow
      }
    }
    let peer = try RawPeer(to: await test.endpoint, tcp: tcp)
    peer.send(Caller(await test.endpoint, peer).request("OPTIONS"))
    #expect(await peer.receive() != nil)
    peer.send(Caller(await test.endpoint, peer).invite())
    #expect(await peer.receive() != nil)
    let transport: SIPTransport = tcp ? .tcp : .udp
    #expect(
      await arrivals.list == [
        SIPArrival(source: peer.local, transport: transport, isInvite: false),
        SIPArrival(source: peer.local, transport: transport, isInvite: true),
      ])
  }

  @Test("a call in progress is not asked again")
  func inDialog() async throws {
    let arrivals = Arrivals()
    let test = try await TestAgent {
      $0.admit = { arrival in
        arrivals.list.append(arrival)
        return arrivals.list.count == 1 ? .allow : .drop
      }
    }
    let peer = try RawPeer(to: await test.endpoint)
    var caller = Caller(await test.endpoint, peer)
    _ = try #require(await peer.establish(&caller))
    caller.next()
    peer.send(caller.request("BYE"))
    #expect(await peer.answer(to: caller, "BYE") != nil)
  }

  @Test("above the limit of calls an INVITE is told 503 and Retry-After, and the calls there are go on")
  func overload() async throws {
    let test = try await TestAgent(.ring) { $0.maxInvites = 3 }
    let peer = try RawPeer(to: await test.endpoint)
    for _ in 0..<3 {
      peer.send(Caller(await test.endpoint, peer).invite())
      #expect(await peer.receive("SIP/2.0 180") != nil)
    }
    peer.send(Caller(await test.endpoint, peer).invite())
    let answer = try #require(await peer.receive())
    #expect(Caller.statusLine(answer) == "SIP/2.0 503 Service Unavailable")
    #expect(Caller.header("Retry-After", of: answer) != nil)
    #expect(await test.statistics.liveInvites == 3)
  }

  @Test("a flood of strangers leaves nothing in the stack")
  func flood() async throws {
    let test = try await TestAgent(.refuse(SIPResponse(404, "Not Found")))
    let peer = try RawPeer(to: await test.endpoint)
    let stranger = Caller(await test.endpoint, peer)
    func send(_ count: Int) async {
      let answered = await peer.waiting {
        var caller = stranger
        return (0..<count).count { _ in
          caller.callID = GUID.make()
          caller.fromTag = GUID.make()
          peer.send(caller.invite())
          return peer.receiveNow()?.hasPrefix("SIP/2.0 404") == true
        }
      }
      #expect(answered == count)
    }
    // As many as the memory of refusals holds, and the buffers of the stack.
    await send(3000)
    // A sanitized run looks for other things.
    await send(isSanitized ? 1000 : 17_000)
    let statistics = await test.statistics
    #expect(statistics.transactions == 0 && statistics.dialogs == 0 && statistics.liveInvites == 0)
  }
}

@SIPActor
final class Arrivals {
  var list: [SIPArrival] = []
  nonisolated init() {}
}
