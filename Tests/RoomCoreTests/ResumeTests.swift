import LiveKitProtocol
import Testing

@testable import RoomCore

@Suite("Resuming")
struct ResumeTests {
  @Test("a client that comes back in time keeps its place, and learns what it missed")
  func resumes() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let carol = harness.join("carol")
    let sid = harness.publish("mic", from: alice)
    let place = alice.me.sid
    harness.perform(.sessionClosed(alice.session))
    harness.send(.leave(Livekit_LeaveRequest()), from: bob)
    let dave = harness.join("dave")
    let track = harness.publish("mic", from: dave)
    harness.advance(.seconds(4))
    _ = alice.takeMessages()
    harness.resume(alice)
    #expect(alice.messages.first?.reconnect.serverInfo.protocol == 16)
    let update = try #require(alice.messages.dropFirst().first).update.participants
    #expect(update.first { $0.identity == "bob" }?.state == .disconnected)
    #expect(Set(update.map(\.identity)) == ["alice", "bob", "carol", "dave"])
    #expect(alice.me.sid == place && Set(alice.others.values.map(\.identity)) == ["carol", "dave"])
    #expect(alice.remoteTracks.values.contains(track), "what was published meanwhile is negotiated now")
    #expect(carol.remoteTracks.values.contains(sid))
    harness.advance(.seconds(6))
    #expect(harness.media.published.count == 2)
    let events = harness.takeEvents().filter { $0.hasPrefix("alice ") }
    #expect(events.suffix(2) == ["alice dropped", "alice resumed"])
  }

  @Test("what a newer token grants holds from the resume on", arguments: [true, false])
  func newerToken(isSingle: Bool) throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let alice = harness.join("alice", isSingle: isSingle)
    let bob = harness.join("bob")
    let sid = harness.publish("mic", from: alice)
    harness.perform(.sessionClosed(alice.session))
    _ = alice.takeMessages()
    harness.resume(alice) {
      $0.video.canPublish = false
      $0.video.canSubscribe = false
      $0.video.canUpdateOwnMetadata = true
    }
    #expect(alice.messages.first?.hasReconnect == true && !alice.isClosed)
    #expect(alice.messages.contains { $0.trackUnpublished.trackSid == sid })
    #expect(!alice.me.permission.canPublish && !alice.me.permission.canSubscribe)
    #expect(bob.others[alice.me.sid]?.permission.canPublish == false)
    #expect(bob.others[alice.me.sid]?.tracks.isEmpty == true && Array(bob.remoteTracks.values) == [call.trackSID])
    #expect(harness.media.published.isEmpty && alice.remoteTracks.isEmpty)

    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice)
    #expect(alice.me.permission.canSubscribe && Array(alice.remoteTracks.values) == [call.trackSID])
    #expect(!harness.publish("again", from: alice).isEmpty)
  }

  @Test("the same token leaves what an administrator has set, one that hides its holder means beginning anew")
  func sameToken() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    var request = Livekit_UpdateParticipantRequest()
    request.room = "lobby"
    request.identity = "alice"
    request.permission = alice.me.permission
    request.permission.canPublishData = false
    harness.perform(try harness.core.updateParticipant(request, now: harness.now).actions)
    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice)
    #expect(!alice.isClosed && !alice.me.permission.canPublishData)
    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice) { $0.video.hidden = true }
    #expect(alice.leave?.reason == .stateMismatch && alice.leave?.action == .reconnect)
  }

  @Test("one that does not is gone after a while")
  func tooLate() {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    harness.perform(.sessionClosed(alice.session))
    harness.advance(.milliseconds(4_750))
    #expect(bob.others.count == 1)
    harness.advance(.milliseconds(500))
    #expect(bob.others.isEmpty && harness.takeEvents().contains("alice left: signalClose"))
    harness.resume(alice)
    #expect(alice.leave?.reason == .stateMismatch && alice.leave?.action == .reconnect && alice.isClosed)
  }

  @Test(
    "an unknown participant, another's place and a room that is gone mean joining anew",
    arguments: ["PA_unknown", "another", "no room"])
  func unknown(situation: String) {
    let harness = Harness()
    let bob = harness.join("bob")
    let alice = harness.join("alice")
    let sid = situation == "another" ? bob.me.sid : situation == "no room" ? alice.me.sid : situation
    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice, sid: sid, room: situation == "no room" ? "cellar" : "lobby")
    #expect(alice.leave?.action == .reconnect && alice.isClosed)
    #expect(harness.core.rooms.map(\.name) == ["lobby"])
    #expect(!bob.isClosed)
  }

  @Test("a resume while the old connection still seems open replaces it")
  func replaces() {
    let harness = Harness()
    let alice = harness.join("alice")
    let old = alice.session
    harness.resume(alice)
    #expect(!alice.isClosed && alice.messages.contains { $0.hasReconnect })
    harness.perform(.sessionClosed(old))
    harness.advance(.seconds(6))
    #expect(harness.core.rooms.first?.numParticipants == 1)
  }

  @Test("with two peer connections the server restarts ICE by an offer")
  func restartsICE() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let alice = harness.join("alice", isSingle: false)
    let transport = try #require(harness.transport(of: alice))
    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice)
    #expect(harness.media.restarts == [transport])
    #expect(alice.remoteTracks == ["1": call.trackSID] && harness.media.subscriptions.count == 1)
  }

  @Test("an offer that was not answered before the connection dropped is made again")
  func offersAgain() throws {
    let harness = Harness()
    let alice = harness.join("alice", isSingle: false)
    alice.isObedient = false
    let call = try harness.call("sip_1")
    harness.perform(.sessionClosed(alice.session))
    alice.isObedient = true
    harness.resume(alice)
    #expect(alice.remoteTracks == ["1": call.trackSID] && harness.media.subscriptions.count == 1)
  }

  @Test("the client's view is taken over, and a track we do not know means beginning anew")
  func syncState() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let alice = harness.join("alice")
    let sid = harness.publish("mic", from: alice)
    harness.perform(.sessionClosed(alice.session))
    harness.resume(alice)
    var state = Livekit_SyncState()
    var published = Livekit_TrackPublishedResponse()
    published.track.sid = sid
    state.publishTracks = [published]
    state.subscription.trackSids = [call.trackSID]
    state.subscription.subscribe = false
    harness.send(.syncState(state), from: alice)
    #expect(!alice.isClosed && harness.media.subscriptions.isEmpty)
    published.track.sid = "TR_unknown"
    state.publishTracks = [published]
    harness.send(.syncState(state), from: alice)
    #expect(alice.leave?.reason == .stateMismatch && alice.leave?.action == .reconnect)
  }

  @Test("a client from which nothing is heard is taken for dropped")
  func silent() {
    let harness = Harness()
    let alice = harness.join("alice")
    harness.advance(.seconds(29))
    #expect(!alice.isClosed)
    harness.advance(.seconds(2))
    #expect(alice.isClosed && harness.core.rooms.first?.numParticipants == 1)
    harness.advance(.seconds(5))
    #expect(harness.core.rooms.first?.numParticipants == 0)
  }

  @Test("one that missed more departures than are kept must join anew")
  func missedTooMuch() {
    var configuration = Harness.configuration
    configuration.limits.missedUpdates = 2
    let harness = Harness(configuration: configuration)
    let alice = harness.join("alice")
    harness.perform(.sessionClosed(alice.session))
    for number in 0..<3 { harness.send(.leave(Livekit_LeaveRequest()), from: harness.join("b\(number)")) }
    harness.resume(alice)
    #expect(alice.leave?.action == .reconnect)
  }
}

extension Livekit_SignalResponse {
  var hasReconnect: Bool { if case .reconnect = message { true } else { false } }
}
