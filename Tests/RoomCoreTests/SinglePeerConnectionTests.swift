import Base
import LiveKitProtocol
import SDP
import Testing

@testable import RoomCore

/// The session of the stock client with one peer connection, step by step.
@Suite("One peer connection")
struct SinglePeerConnectionTests {
  @Test("a client in a room with a call gets the join response, then an answer that carries the call")
  func joinsCall() throws {
    let harness = Harness()
    let call = try harness.call("sip_+1555")
    let client = harness.join("alice")

    let join = try #require(client.messages.first?.join)
    #expect(join.room.name == "lobby" && join.room.sid == call.roomSID)
    #expect(join.participant.identity == "alice" && join.participant.state == .joined)
    #expect(join.participant.sid.hasPrefix("PA_") && join.participant.sid.utf8.count == 15)
    #expect(join.pingInterval == 5 && join.pingTimeout == 15 && join.fastPublish && !join.subscriberPrimary)
    #expect(join.serverInfo.protocol == 16 && join.serverVersion == "1.9.0")
    let other = try #require(join.otherParticipants.first)
    #expect(other.identity == "sip_+1555" && other.kind == .sip && other.state == .active && other.isPublisher)
    let track = try #require(other.tracks.first)
    #expect(track.sid == call.trackSID && track.sid.hasPrefix("TR_AM") && track.sid.utf8.count == 17)
    #expect(track.name == "sip_+1555" && track.source == .microphone && track.mimeType == "audio/opus")

    let answer = try #require(client.messages.dropFirst().first?.answer)
    #expect(answer.type == "answer" && answer.id == 1 && answer.midToTrackID == ["0": call.trackSID])
    let description = try WebRTCDescription(parsing: answer.sdp)
    #expect(description.isICELite && description.bundle == ["0", "1", "2", "6"])
    let directions: [MediaDirection] = [.sendOnly, .inactive, .inactive, .inactive, .inactive, .inactive, .sendRecv]
    #expect(description.sections.map(\.direction) == directions)
    #expect(description.sections.map(\.isRejected) == [false, false, false, true, true, true, false])
    let msid = description.sections[0].msid
    #expect(msid?.stream == "\(call.participantSID)|\(call.trackSID)" && msid?.track == call.trackSID)
    let sent = try #require(harness.media.subscriptions.values.first)
    #expect(harness.media.subscriptions.keys.first?.track == call.mediaTrack)
    #expect(sent.ssrc == description.sections[0].ssrcs.first && sent.payloadType == 111 && sent.mid == "0")
    #expect(harness.media.transports.values.first?.remoteFingerprint == client.peer.fingerprint)
    #expect(harness.media.transports.values.first?.isDTLSClient == false)
    #expect(client.me.state == .active, "its transport is connected")
  }

  @Test("pings are answered", arguments: [true, false])
  func pings(isClassic: Bool) {
    let harness = Harness()
    let client = harness.join("alice")
    _ = client.takeMessages()
    if isClassic {
      harness.send(.ping(123), from: client)
      #expect(client.messages.first?.pong == 1_700_000_001_000)
    } else {
      var ping = Livekit_Ping()
      ping.timestamp = 123
      harness.send(.pingReq(ping), from: client)
      #expect(client.messages.first?.pongResp.lastPingTimestamp == 123)
      #expect(client.messages.first?.pongResp.timestamp == 1_700_000_001_000)
    }
  }

  @Test("a track is announced, negotiated and made known")
  func publishes() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    _ = bob.takeMessages()
    let sid = harness.publish("mic-a", from: alice)
    #expect(sid.hasPrefix("TR_AM"))
    let published = try #require(harness.media.published.values.first)
    #expect(published.track.mid == "7" && published.track.payloadType == 111 && published.track.ssrc == 9_007)
    #expect(published.track.levelExtensionID == 1 && published.track.midExtensionID == 4)

    let update = try #require(bob.messages.first?.update.participants.first)
    #expect(update.identity == "alice" && update.tracks.map(\.sid) == [sid] && update.isPublisher)
    #expect(bob.messages.contains { $0.mediaSectionsRequirement.numAudios == 0 && $0.hasRequirement })
    #expect(bob.remoteTracks == ["0": sid], "a free section of the first offer is used")
    #expect(alice.messages.contains { $0.trackSubscribed.trackSid == sid })
    #expect(harness.media.subscriptions.count == 1)
  }

  @Test("sections are asked for when tracks outnumber them, and no more than are missing")
  func asksForSections() {
    let harness = Harness()
    let listener = harness.join("listener")
    var sids: Set<String> = []
    for number in 0..<5 { sids.insert(harness.publish("mic", from: harness.join("speaker\(number)"))) }
    #expect(Set(listener.remoteTracks.values) == sids)
    #expect(listener.peer.sections.count { $0.kind == "audio" && $0.direction == "recvonly" } == 5)
    #expect(listener.messages.map(\.mediaSectionsRequirement.numAudios).reduce(0, +) == 2)
  }

  @Test("many tracks that are there already come with one request for sections")
  func asksOnce() {
    let harness = Harness()
    for number in 0..<6 { harness.publish("mic", from: harness.join("speaker\(number)", autoSubscribe: false)) }
    let listener = harness.join("listener")
    #expect(listener.messages.filter(\.hasRequirement).map(\.mediaSectionsRequirement.numAudios) == [3])
    #expect(listener.remoteTracks.count == 6)
  }

  @Test("a client that adds no sections is not asked for ever")
  func stubbornClient() {
    let harness = Harness()
    let listener = harness.join("listener")
    listener.isObedient = false
    for number in 0..<5 { harness.publish("mic", from: harness.join("speaker\(number)")) }
    for _ in 0..<10 { harness.send(.offer(listener.offer()), from: listener) }
    #expect(listener.remoteTracks.count == 3)
    #expect(listener.messages.count { $0.hasRequirement } < 10)
  }

  @Test("a section is answered inactive before it carries another track")
  func reusesSections() throws {
    let harness = Harness()
    let listener = harness.join("listener")
    let speaker = harness.join("speaker")
    var used: Set<UInt32> = []
    for round in 0..<8 {
      let sid = harness.publish("mic\(round)", from: speaker)
      #expect(listener.remoteTracks.values.contains(sid))
      let ssrcs = harness.media.subscriptions.values.map(\.ssrc)
      #expect(ssrcs.allSatisfy { used.insert($0).inserted })
      _ = listener.takeMessages()
      harness.unpublish("mic\(round)", from: speaker)
      #expect(listener.remoteTracks.isEmpty && ssrcs.count == 1)
      #expect(harness.media.subscriptions.isEmpty)
      let answers = listener.messages.filter(\.hasAnswer)
      #expect(!answers.isEmpty)
      for answer in answers {
        #expect(try WebRTCDescription(parsing: answer.answer.sdp).sections[0].direction == .inactive)
      }
    }
    #expect(listener.peer.sections.count == 7, "the sections of the first offer were enough")
  }

  @Test("a track that comes while another goes waits until the section has been idle once")
  func idlesBetweenTracks() throws {
    let harness = Harness()
    let listener = harness.join("listener")
    let speakers = (0..<3).map { harness.join("speaker\($0)") }
    for speaker in speakers { harness.publish("mic", from: speaker) }
    let newcomer = harness.join("newcomer", autoSubscribe: false)
    listener.isObedient = false
    harness.unpublish("mic", from: speakers[0])
    let sid = harness.publish("mic", from: newcomer)
    harness.send(.offer(listener.offer()), from: listener)
    #expect(listener.remoteTracks.count == 2 && listener.remoteTracks["0"] == nil)
    listener.isObedient = true
    harness.send(.offer(listener.offer()), from: listener)
    #expect(listener.remoteTracks.count == 3 && listener.remoteTracks["0"] == sid)
    #expect(listener.peer.sections.count == 7)
  }

  @Test("what a section sends is recognised by its section or by being the only one when its name is not known")
  func unnamedTrack() {
    let harness = Harness()
    let alice = harness.join("alice")
    var request = Livekit_AddTrackRequest()
    request.cid = "as-announced"
    harness.send(.addTrack(request), from: alice)
    alice.peer.add("audio", "sendonly", cid: "as-in-sdp")
    harness.send(.offer(alice.offer()), from: alice)
    #expect(harness.media.published.count == 1)
    alice.peer.sections[7].cid = "replaced"
    harness.send(.offer(alice.offer()), from: alice)
    #expect(harness.media.published.count == 1 && alice.me.tracks.count == 1)
  }

  @Test("a track that stops being sent is unpublished")
  func unpublishes() {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob")
    let sid = harness.publish("mic", from: alice)
    harness.unpublish("mic", from: alice)
    #expect(harness.media.published.isEmpty && harness.media.subscriptions.isEmpty)
    #expect(alice.messages.contains { $0.trackUnpublished.trackSid == sid })
    #expect(bob.others.values.first?.tracks.isEmpty == true && bob.remoteTracks.isEmpty)
  }

  @Test("a video track is refused with a sentence and the session goes on")
  func video() {
    let harness = Harness()
    let alice = harness.join("alice")
    var request = Livekit_AddTrackRequest()
    request.cid = "camera"
    request.type = .video
    request.source = .camera
    harness.send(.addTrack(request), from: alice)
    let response = alice.messages.last?.requestResponse
    #expect(response?.reason == .unsupportedType && response?.addTrack.cid == "camera")
    #expect(response?.message.isEmpty == false)
    alice.peer.add("video", "sendonly", cid: "camera")
    harness.send(.offer(alice.offer()), from: alice)
    #expect(alice.messages.last?.hasAnswer == true && harness.media.published.isEmpty)
    #expect(!harness.publish("mic", from: alice).isEmpty && harness.media.published.count == 1)
  }

  @Test(
    "add_track is refused for a reason",
    arguments: [
      ("no right", Livekit_RequestResponse.Reason.notAllowed), ("other source", .notAllowed),
      ("too many", .limitExceeded), ("long name", .limitExceeded), ("no cid", .invalidRequest),
      ("encrypted", .unsupportedType), ("data", .unsupportedType),
    ])
  func refusals(situation: String, reason: Livekit_RequestResponse.Reason) {
    let harness = Harness()
    let alice = harness.join("alice") {
      if situation == "no right" { $0.video.canPublish = false }
      if situation == "other source" { $0.video.canPublishSources = ["screen_share_audio"] }
    }
    var request = Livekit_AddTrackRequest()
    request.cid = "mic"
    request.source = .microphone
    if situation == "too many" {
      for number in 0..<harness.core.configuration.limits.tracksPerParticipant {
        request.cid = "mic\(number)"
        harness.send(.addTrack(request), from: alice)
      }
      request.cid = "one more"
    }
    if situation == "long name" { request.name = String(repeating: "n", count: 257) }
    if situation == "no cid" { request.cid = "" }
    if situation == "encrypted" { request.encryption = .gcm }
    if situation == "data" { request.type = .data }
    harness.send(.addTrack(request), from: alice)
    #expect(alice.messages.last?.requestResponse.reason == reason)
    #expect(alice.messages.last?.requestResponse.addTrack == request)
  }

  @Test("the same announcement again gets the same track")
  func announcesTwice() {
    let harness = Harness()
    let alice = harness.join("alice")
    let first = harness.publish("mic", from: alice)
    var request = Livekit_AddTrackRequest()
    request.cid = "mic"
    harness.send(.addTrack(request), from: alice)
    #expect(alice.messages.last?.trackPublished.track.sid == first && alice.me.tracks.count == 1)
  }

  @Test(
    "a track that moves to another stream goes on for its subscribers", arguments: ["stream", "codec", "certificate"],
    [true, false])
  func movedTrack(change: String, isSingle: Bool) throws {
    let harness = Harness()
    let alice = harness.join("alice")
    let bob = harness.join("bob", isSingle: isSingle)
    let sid = harness.publish("mic", from: alice)
    #expect(harness.media.subscriptions.values.map(\.codec) == [.opus])
    let index = try #require(alice.peer.sections.firstIndex { $0.cid == "mic" })
    switch change {
    case "stream": alice.peer.sections[index].ssrc += 1
    case "codec": alice.peer.audioFormats = ["0", "111"]
    default: alice.peer.fingerprint[0] ^= 0xFF
    }
    harness.send(.offer(alice.offer()), from: alice)
    #expect(harness.media.published.count == 1 && Array(bob.remoteTracks.values) == [sid])
    let codec = change == "codec" ? RoomCodec.pcmu : .opus
    #expect(harness.media.subscriptions.values.map(\.codec) == [codec])
    #expect(bob.others[alice.me.sid]?.tracks.map(\.sid) == [sid])
    #expect(bob.others[alice.me.sid]?.tracks.map(\.mimeType) == [codec.mimeType])
  }

  @Test("new ICE credentials restart ICE on the same transport, another certificate begins a new one")
  func restarts() throws {
    let harness = Harness()
    _ = try harness.call("sip_1")
    let alice = harness.join("alice")
    harness.publish("mic", from: alice)
    let before = try #require(harness.transport(of: alice))
    let credentials = harness.media.transports[before]?.localUfrag
    alice.peer.usernameFragment = "brandNew"
    harness.send(.offer(alice.offer()), from: alice)
    #expect(harness.media.restarts == [before])
    let answer = try WebRTCDescription(parsing: #require(alice.messages.last?.answer.sdp))
    #expect(answer.ice?.usernameFragment != credentials)

    alice.peer.fingerprint[0] ^= 0xFF
    harness.send(.offer(alice.offer()), from: alice)
    let after = try #require(harness.transport(of: alice))
    #expect(after != before && harness.media.transports.count == 1)
    #expect(harness.media.published.count == 1 && harness.media.subscriptions.count == 1)
  }

  @Test("a client that insists on being the DTLS server gets a client", arguments: ["passive", "active", "actpass"])
  func dtlsRole(setup: String) throws {
    let harness = Harness()
    let client = Client(identity: "alice", session: harness.newSession(), isSingle: true, seed: 1)
    client.peer.setup = setup
    var request = Livekit_JoinRequest()
    request.publisherOffer = client.offer()
    let intent = JoinIntent(grants: Harness.grants("alice"), query: .init(joinRequest: request, true))
    let actions = harness.core.handle(.join(client.session, intent), now: harness.now)
    let transport = actions.compactMap { action -> RoomTransport? in
      if case .media(_, .openTransport(let transport)) = action { transport } else { nil }
    }
    #expect(transport.map(\.isDTLSClient) == [setup == "passive"])
  }

  @Test("an offer that cannot be answered ends the session")
  func brokenOffer() {
    for sdp in ["", "v=0\r\n", "rubbish", String(repeating: "a", count: 600_000)] {
      let harness = Harness()
      let alice = harness.join("alice")
      alice.isObedient = false
      harness.send(.offer(.offer(sdp, id: 1)), from: alice)
      #expect(alice.leave?.reason == .joinFailure && alice.isClosed)
      #expect(harness.media.transports.isEmpty)
    }
  }

  @Test("a track in a codec that a client does not have is refused to it")
  func codecMismatch() throws {
    var configuration = Harness.configuration
    configuration.codec = .pcmu
    let harness = Harness(configuration: configuration)
    let call = try harness.call("sip_1")
    let client = Client(identity: "alice", session: harness.newSession(), isSingle: true, seed: 1)
    client.peer.audioFormats = ["111"]
    var request = Livekit_JoinRequest()
    request.publisherOffer = client.offer()
    request.connectionSettings.autoSubscribe = true
    let intent = JoinIntent(grants: Harness.grants("alice"), query: .init(joinRequest: request, true))
    let errors = harness.core.handle(.join(client.session, intent), now: harness.now).compactMap { action in
      if case .send(_, let message) = action, message.hasSubscriptionError { return message.subscriptionResponse }
      return nil
    }
    #expect(errors.map(\.trackSid) == [call.trackSID] && errors.map(\.err) == [.seCodecUnsupported])
    #expect(harness.media.subscriptions.isEmpty)
  }
}

extension Livekit_SignalResponse {
  var hasRequirement: Bool { if case .mediaSectionsRequirement = message { true } else { false } }
  var hasAnswer: Bool { if case .answer = message { true } else { false } }
  var hasOffer: Bool { if case .offer = message { true } else { false } }
  var hasSubscriptionError: Bool { if case .subscriptionResponse = message { true } else { false } }
  var hasUpdate: Bool { if case .update = message { true } else { false } }
}
