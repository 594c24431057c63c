import LiveKitProtocol
import SDP
import Testing

@testable import RoomCore

/// `room_codec: pcmu`: callers publish PCMU, clients what they prefer.
@Suite("Rooms of PCMU")
struct PCMURoomTests {
  private static var configuration: RoomServerConfiguration {
    var configuration = Harness.configuration
    configuration.codec = .pcmu
    return configuration
  }

  @Test("a stock client gets the call as PCMU and is heard with its Opus", arguments: [true, false])
  func stockClient(isSingle: Bool) throws {
    let harness = Harness(configuration: Self.configuration)
    let call = try harness.call("sip_1")
    let alice = harness.join("alice", isSingle: isSingle)
    let bob = harness.join("bob", isSingle: isSingle)
    #expect(harness.media.subscriptions.values.map(\.codec) == [.pcmu, .pcmu])
    #expect(harness.media.subscriptions.values.map(\.payloadType) == [0, 0])
    #expect(alice.others[call.participantSID]?.tracks.map(\.mimeType) == ["audio/PCMU"])
    _ = harness.takeEvents()

    harness.publish("mic", from: alice)
    let (track, published) = try #require(harness.media.published.first)
    #expect(published.track.codec == .opus && published.track.payloadType == 111)
    #expect(bob.others[alice.me.sid]?.tracks.map(\.mimeType) == ["audio/opus"])
    let opus = harness.media.subscriptions.filter { $0.key.track == track }
    #expect(opus.values.map(\.codec) == [.opus] && opus.values.map(\.payloadType) == [111])
    #expect(harness.media.subscriptions.count == 3)

    harness.perform(.trackActive(track))
    #expect(harness.takeEvents() == ["alice published mic", "call hears alice"])
  }

  @Test("a client that prefers PCMU publishes it")
  func clientOfPCMU() throws {
    let harness = Harness(configuration: Self.configuration)
    let alice = harness.join("alice")
    alice.peer.audioFormats = ["0", "111"]
    harness.publish("mic", from: alice)
    let published = try #require(harness.media.published.values.first)
    #expect(published.track.codec == .pcmu && published.track.payloadType == 0)
  }

  @Test(
    "a section carries a call, then a client's track, then another call: each is a stream of its own",
    arguments: [true, false])
  func mixedSection(isSingle: Bool) throws {
    let harness = Harness(configuration: Self.configuration)
    let listener = harness.join("listener", isSingle: isSingle)
    let speaker = harness.join("speaker", autoSubscribe: false)
    var streams: [RoomSendTrack] = []
    for round in 0..<2 {
      let call = try harness.call("sip_\(round)")
      streams.append(try #require(harness.media.subscriptions.values.first))
      harness.perform(harness.core.leaveLocal(call.participantSID, now: harness.now))
      #expect(harness.media.subscriptions.isEmpty && listener.remoteTracks.isEmpty)
      harness.publish("mic\(round)", from: speaker)
      streams.append(try #require(harness.media.subscriptions.values.first))
      harness.unpublish("mic\(round)", from: speaker)
    }
    #expect(Set(streams.map(\.mid)).count == 1)
    #expect(streams.map(\.codec) == [.pcmu, .opus, .pcmu, .opus])
    // libwebrtc plays nothing that comes with the SSRC of the track before.
    #expect(Set(streams.map(\.ssrc)).count == 4)
  }
}
