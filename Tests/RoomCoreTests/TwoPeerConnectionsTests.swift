import LiveKitProtocol
import SDP
import Testing

@testable import RoomCore

/// The classic session: the server offers what the client gets, the client offers what it sends.
@Suite("Two peer connections")
struct TwoPeerConnectionsTests {
  @Test("the join response says so, and the server's offer follows")
  func joins() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let client = harness.join("alice", isSingle: false)
    #expect(client.messages.first?.join.subscriberPrimary == true)
    let offer = try #require(client.messages.dropFirst().first?.offer)
    #expect(offer.type == "offer" && offer.id == 1 && offer.midToTrackID == ["1": call.trackSID])
    let description = try WebRTCDescription(parsing: offer.sdp)
    #expect(description.sections.map(\.kind) == [.application, .audio] && description.setup == .actpass)
    #expect(description.sections[1].msid?.description == "\(call.participantSID)|\(call.trackSID) \(call.trackSID)")
    let id = try #require(harness.transport(of: client))
    #expect(harness.media.transports[id]?.isDTLSClient == false)
    #expect(harness.media.channels[id] == ["_reliable", "_lossy", "_data_track"])
    #expect(harness.media.subscriptions.values.map(\.ssrc) == description.sections[1].ssrcs)
    #expect(client.me.state == .active)
  }

  @Test("tracks that come and go are offered, sections are used again")
  func comesAndGoes() throws {
    let harness = Harness()
    let listener = harness.join("listener", isSingle: false)
    let speaker = harness.join("speaker")
    for round in 0..<5 {
      let sid = harness.publish("mic\(round)", from: speaker)
      #expect(listener.remoteTracks == ["1": sid] && harness.media.subscriptions.count == 1)
      harness.unpublish("mic\(round)", from: speaker)
      #expect(listener.remoteTracks.isEmpty && harness.media.subscriptions.isEmpty)
    }
    let last = try #require(listener.lastOffer)
    #expect(try WebRTCDescription(parsing: last.sdp).sections.count == 2)
  }

  @Test("a track that is subscribed to again comes on another section, and the sections do not grow without end")
  func subscribesAgain() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let client = harness.join("alice", isSingle: false)
    var request = Livekit_UpdateSubscription()
    request.trackSids = [call.trackSID]
    for round in 1...30 {
      request.subscribe = false
      harness.send(.subscription(request), from: client)
      #expect(client.remoteTracks.isEmpty)
      request.subscribe = true
      harness.send(.subscription(request), from: client)
      #expect(client.remoteTracks.count == 1 && (round > 5 || client.remoteTracks.keys.first == "\(round + 1)"))
    }
    let sections = try WebRTCDescription(parsing: try #require(client.lastOffer).sdp).sections
    #expect(sections.count <= 2 + OfferingConnection.spareSections)
  }

  @Test("its own tracks travel on the publisher's connection")
  func publishes() throws {
    let harness = Harness()
    let alice = harness.join("alice", isSingle: false)
    let bob = harness.join("bob")
    let sid = harness.publish("mic", from: alice)
    #expect(bob.remoteTracks.values.contains(sid))
    #expect(harness.media.published.values.first?.transport == harness.transport(of: alice, isPublisher: true))
    #expect(harness.media.transports.count == 3)
  }

  @Test("while an answer is awaited changes wait, and are offered after it")
  func waitsForAnswer() throws {
    let harness = Harness()
    let listener = harness.join("listener", isSingle: false)
    listener.isObedient = false
    let speaker = harness.join("speaker")
    harness.publish("a", from: speaker)
    harness.publish("b", from: speaker)
    let offers = listener.messages.filter(\.hasOffer)
    #expect(offers.count == 2, "the first, and the one that is not answered")
    var answer = Livekit_SessionDescription()
    let offer = try #require(offers.last).offer
    answer.sdp = listener.subscriberPeer.answer(to: try WebRTCDescription(parsing: offer.sdp))
    listener.isObedient = true
    harness.send(.answer(answer), from: listener)
    #expect(listener.remoteTracks.count == 2 && harness.media.subscriptions.count == 2)
  }

  @Test("an answer to an older offer is passed over")
  func staleAnswer() throws {
    let harness = Harness()
    let listener = harness.join("listener", isSingle: false)
    listener.isObedient = false
    _ = try harness.call("sip_1")
    let offer = try #require(listener.lastOffer)
    var answer = Livekit_SessionDescription()
    answer.sdp = listener.subscriberPeer.answer(to: try WebRTCDescription(parsing: offer.sdp))
    answer.id = offer.id - 1
    harness.send(.answer(answer), from: listener)
    #expect(harness.media.subscriptions.isEmpty)
    answer.id = offer.id
    harness.send(.answer(answer), from: listener)
    #expect(harness.media.subscriptions.count == 1)
  }

  @Test("a section that the client refuses is said to be refused")
  func refusedSection() throws {
    let harness = Harness()
    let listener = harness.join("listener", isSingle: false)
    listener.isObedient = false
    let call = try harness.call("sip_1")
    let offer = try #require(listener.lastOffer)
    var answer = Livekit_SessionDescription()
    answer.sdp = listener.subscriberPeer.answer(to: try WebRTCDescription(parsing: offer.sdp))
      .replacing("a=recvonly", with: "a=inactive")
    answer.id = offer.id
    harness.send(.answer(answer), from: listener)
    #expect(listener.messages.last { $0.hasSubscriptionError }?.subscriptionResponse.trackSid == call.trackSID)
    #expect(harness.media.subscriptions.isEmpty)
  }

  @Test("a client that does not answer must begin anew")
  func noAnswer() throws {
    let harness = Harness()
    let listener = harness.join("listener", isSingle: false)
    listener.isObedient = false
    _ = try harness.call("sip_1")
    for _ in 0..<5 {
      harness.advance(.seconds(5))
      if !listener.isClosed { harness.send(.ping(1), from: listener) }
    }
    #expect(listener.leave?.action == .reconnect && listener.isClosed)
  }
}
