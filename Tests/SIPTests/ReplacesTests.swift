import Base
import Telephony
import Testing

@testable import SIP

@Suite("INVITE with Replaces", .timeLimit(.minutes(1)))
struct ReplacesTests {
  private static let id = InviteID(rawValue: 7)

  @Test(
    "which call is meant",
    arguments: [
      ([], .established, .ordinary),
      (["c;to-tag=us;from-tag=them"], .established, .replaces(ReplacedInvite(id: id, isEstablished: true))),
      (["c;from-tag=them;to-tag=us"], .outgoing, .replaces(ReplacedInvite(id: id, isEstablished: false))),
      (["c;to-tag=us;from-tag=them;early-only"], .outgoing, .replaces(ReplacedInvite(id: id, isEstablished: false))),
      (["c;to-tag=us;from-tag=them;early-only"], .established, .refused(status: 486, reasonPhrase: "Busy Here")),
      (["c;to-tag=us;from-tag=them"], .ended, .refused(status: 603, reasonPhrase: "Decline")),
      (
        ["c;to-tag=us;from-tag=them"], .incoming,
        .refused(status: 481, reasonPhrase: "Call/Transaction Does Not Exist")
      ),
      (
        ["c;to-tag=them;from-tag=us"], .established,
        .refused(status: 481, reasonPhrase: "Call/Transaction Does Not Exist")
      ),
      (
        ["d;to-tag=us;from-tag=them"], .established,
        .refused(status: 481, reasonPhrase: "Call/Transaction Does Not Exist")
      ),
      (["c;to-tag=us"], .established, .refused(status: 400, reasonPhrase: "Bad Replaces Header")),
      ([""], .established, .refused(status: 400, reasonPhrase: "Bad Replaces Header")),
      (
        ["c;to-tag=us;from-tag=them", "c;to-tag=us;from-tag=them"], .established,
        .refused(status: 400, reasonPhrase: "Bad Replaces Header")
      ),
    ] as [([String], ReplacesPolicy.Candidate.Stage, ReplacesPolicy)])
  func decision(values: [String], stage: ReplacesPolicy.Candidate.Stage, policy: ReplacesPolicy) {
    let decided = ReplacesPolicy.decide(values) { callID in
      let other = ReplacesPolicy.Candidate(
        id: InviteID(rawValue: 1), localTag: "us", remoteTag: "other", stage: .established)
      let meant = ReplacesPolicy.Candidate(id: Self.id, localTag: "us", remoteTag: "them", stage: stage)
      return callID == "c" ? [other, meant] : []
    }
    #expect(decided == policy)
  }

  @Test("the handler is told which call it is, inbound or outbound", arguments: [true, false])
  func told(isOutgoing: Bool) async throws {
    let test = try await TestAgent()
    let peer = try RawPeer(to: await test.endpoint)
    let id: InviteID
    if isOutgoing {
      id = await test.place(OutgoingInvite(uri: "sip:100@\(peer.local)", from: "sip:b@c.test", sdp: Caller.offer))
      let request = try #require(await peer.receive("INVITE "))
      peer.send(
        Caller.response(
          "200 OK", to: request, toTag: "them", extra: "Contact: <sip:x@\(peer.local)>\r\n", body: Caller.offer))
      #expect(await peer.receive("ACK ") != nil)
      _ = await test.event { if case .answered = $0 { true } else { false } }
      #expect(await test.agent?.remoteTarget(of: id) == "sip:x@\(peer.local)")
    } else {
      var caller = Caller(await test.endpoint, peer)
      _ = try #require(await peer.establish(&caller))
      id = try #require(await test.invites.first).id
      #expect(await test.agent?.remoteTarget(of: id) == "sip:caller@\(peer.local)")
    }
    // The peer names the dialog from our side: its own tag is the from-tag.
    let ours = try #require(await test.agent?.replacesHeader(of: id))
    let named = ReplacesHeader(callID: ours.callID, toTag: ours.fromTag, fromTag: ours.toTag)
    let other = try RawPeer(to: await test.endpoint)
    other.send(Caller(await test.endpoint, other).invite(extra: "Replaces: \(named)\r\nRequire: replaces\r\n"))
    #expect(await other.receive("SIP/2.0 200") != nil)
    #expect(await test.invites.last?.replaces == ReplacedInvite(id: id, isEstablished: true))
  }

  @Test(
    "a dialog that is not there is 481 before anything is kept, and a hidden agent says nothing",
    arguments: [true, false])
  func unknown(isHidden: Bool) async throws {
    let test = try await TestAgent { $0.isHidden = isHidden }
    let peer = try RawPeer(to: await test.endpoint)
    peer.send(Caller(await test.endpoint, peer).invite(extra: "Replaces: x;to-tag=1;from-tag=2\r\n"))
    let answer = await peer.receive(within: isHidden ? 0.2 : 5)
    #expect(Caller.statusLine(answer) == (isHidden ? "none" : "SIP/2.0 481 Call/Transaction Does Not Exist"))
    #expect(await test.invites.isEmpty)
    let statistics = await test.statistics
    #expect(statistics.transactions == 0 && statistics.liveInvites == 0)
  }
}
