import LiveKitProtocol
import Testing

@testable import RoomCore

@Suite("Subscriptions")
struct SubscriptionTests {
  private func ask(_ subscribe: Bool, _ sids: [String], isGrouped: Bool = false) -> Livekit_SignalRequest.OneOf_Message
  {
    var request = Livekit_UpdateSubscription()
    request.subscribe = subscribe
    if isGrouped {
      var group = Livekit_ParticipantTracks()
      group.trackSids = sids
      request.participantTracks = [group]
    } else {
      request.trackSids = sids
    }
    return .subscription(request)
  }

  @Test("without auto-subscription a client gets what it asks for", arguments: [true, false], [true, false])
  func explicit(isSingle: Bool, isGrouped: Bool) {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob", isSingle: isSingle, autoSubscribe: false)
    let sid = harness.publish("mic", from: alice)
    #expect(bob.remoteTracks.isEmpty && !alice.messages.contains { $0.trackSubscribed.trackSid == sid })
    harness.send(ask(true, [sid], isGrouped: isGrouped), from: bob)
    #expect(Array(bob.remoteTracks.values) == [sid] && harness.media.subscriptions.count == 1)
    #expect(alice.messages.contains { $0.trackSubscribed.trackSid == sid })
    harness.send(ask(false, [sid], isGrouped: isGrouped), from: bob)
    #expect(bob.remoteTracks.isEmpty && harness.media.subscriptions.isEmpty)
    harness.send(ask(true, [sid]), from: bob)
    #expect(Array(bob.remoteTracks.values) == [sid])
  }

  @Test("a track that is not there cannot be subscribed to")
  func unknownTrack() {
    let harness = Harness()
    let bob = harness.join("bob")
    harness.send(ask(true, ["TR_none"]), from: bob)
    #expect(bob.messages.last?.subscriptionResponse.err == .seTrackNotfound)
    #expect(bob.messages.last?.subscriptionResponse.trackSid == "TR_none")
    harness.send(ask(false, ["TR_none"]), from: bob)
  }

  @Test("a client that may not subscribe gets nothing and is told")
  func mayNot() {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob") { $0.video.canSubscribe = false }
    let sid = harness.publish("mic", from: alice)
    #expect(bob.remoteTracks.isEmpty && harness.media.subscriptions.isEmpty)
    let update = bob.messages.last { $0.hasPermissionUpdate }?.subscriptionPermissionUpdate
    #expect(update?.trackSid == sid && update?.allowed == false && update?.participantSid == alice.me.sid)
  }

  @Test("a publisher decides who may have its tracks", arguments: [true, false], [true, false])
  func publisherDecides(byIdentity: Bool, allTracks: Bool) {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let carol = harness.join("carol")
    let sid = harness.publish("mic", from: alice)
    #expect(harness.media.subscriptions.count == 2)
    var request = Livekit_SubscriptionPermission()
    var permission = Livekit_TrackPermission()
    if byIdentity { permission.participantIdentity = "carol" } else { permission.participantSid = carol.me.sid }
    permission.allTracks = allTracks
    if !allTracks { permission.trackSids = [sid] }
    request.trackPermissions = [permission]
    harness.send(.subscriptionPermission(request), from: alice)
    #expect(bob.remoteTracks.isEmpty && Array(carol.remoteTracks.values) == [sid])
    #expect(bob.messages.last { $0.hasPermissionUpdate }?.subscriptionPermissionUpdate.allowed == false)
    let second = harness.publish("screen", from: alice, source: .screenShareAudio)
    #expect(carol.remoteTracks.values.contains(second) == allTracks && bob.remoteTracks.isEmpty)
    request = Livekit_SubscriptionPermission()
    request.allParticipants = true
    harness.send(.subscriptionPermission(request), from: alice)
    #expect(Set(bob.remoteTracks.values) == [sid, second] && Set(carol.remoteTracks.values) == [sid, second])
    #expect(bob.messages.last { $0.hasPermissionUpdate }?.subscriptionPermissionUpdate.allowed == true)
  }

  @Test("a publisher is told once that it has a subscriber")
  func toldOnce() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let sid = harness.publish("mic", from: alice)
    let track = try #require(harness.media.published.keys.first)
    for name in ["bob", "carol"] {
      let transport = try #require(harness.transport(of: harness.join(name)))
      harness.perform(.trackFlowing(track, to: transport))
    }
    #expect(alice.messages.count { $0.trackSubscribed.trackSid == sid } == 1)
  }

  @Test("a recorder gets every track")
  func recorder() {
    let harness = Harness()
    let alice = harness.join("alice")
    harness.publish("mic", from: alice)
    harness.send(.subscriptionPermission(Livekit_SubscriptionPermission()), from: alice)
    let bob = harness.join("bob")
    let recorder = harness.join("recorder") { $0.video.recorder = true }
    #expect(bob.remoteTracks.isEmpty && recorder.remoteTracks.count == 1)
    #expect(harness.core.rooms.first?.activeRecording == true)
  }

  @Test("a disabled track sends no packets and keeps its section")
  func disabled() {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let sid = harness.publish("mic", from: alice)
    var settings = Livekit_UpdateTrackSettings()
    settings.trackSids = [sid, "TR_none"]
    settings.disabled = true
    harness.send(.trackSetting(settings), from: bob)
    #expect(harness.media.subscriptions.isEmpty && Array(bob.remoteTracks.values) == [sid])
    settings.disabled = false
    harness.send(.trackSetting(settings), from: bob)
    #expect(harness.media.subscriptions.count == 1)
    settings.disabled = true
    harness.send(.trackSetting(settings), from: bob)
    harness.unpublish("mic", from: alice)
    #expect(bob.remoteTracks.isEmpty)
  }
}

extension Livekit_SignalResponse {
  var hasPermissionUpdate: Bool { if case .subscriptionPermissionUpdate = message { true } else { false } }
}
