import Base
import LiveKitProtocol
import Testing

@testable import RoomCore

@Suite("Speakers and connection quality")
struct ReportTests {
  @Test("everybody learns who speaks, once per change")
  func speakers() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let alice = harness.join("alice")
    harness.publish("mic", from: alice)
    let track = try #require(harness.media.published.keys.first)
    func report(_ levels: [(MediaTrackID, Float, Bool)]) -> [Livekit_SpeakerInfo] {
      _ = alice.takeMessages()
      for (track, level, isActive) in levels {
        harness.perform(.audioLevel(track, level: level, isActive: isActive))
      }
      harness.perform(.audioLevelsReported(call.mediaRoom))
      return alice.messages.flatMap(\.speakersChanged.speakers)
    }
    let first = report([(call.mediaTrack, 0.5, true), (track, 0.9, true)])
    #expect(first.map(\.sid) == [alice.me.sid, call.participantSID], "the loudest first")
    #expect(first.map(\.active) == [true, true] && first.map(\.level) == [0.9375, 0.5])
    #expect(report([(track, 0.91, true)]).isEmpty, "too small a change")
    #expect(report([(track, 0.2, true)]).map(\.level) == [0.25])
    let end = report([(track, 0, false)])
    #expect(end.map(\.active) == [false] && end.map(\.level) == [0])
    #expect(report([(track, .nan, true), (call.mediaTrack, -3, true)]).allSatisfy { $0.level == 0 })
    #expect(report([(track, .infinity, true)]).map(\.level) == [1])
  }

  @Test("a muted speaker is silent at once")
  func muted() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    var request = Livekit_MuteTrackRequest()
    request.sid = harness.publish("mic", from: alice)
    request.muted = true
    let track = try #require(harness.media.published.keys.first)
    let room = try #require(harness.media.rooms.first)
    harness.perform(.audioLevel(track, level: 0.5, isActive: true))
    harness.perform(.audioLevelsReported(room))
    harness.send(.mute(request), from: alice)
    #expect(alice.messages.last?.speakersChanged.speakers.first?.active == false)
  }

  @Test("newcomers get everybody's quality, the others what changed")
  func quality() throws {
    let harness = Harness()
    let alice = harness.join("alice")
    harness.publish("mic", from: alice)
    let track = try #require(harness.media.published.keys.first)
    func updates(_ client: Client) -> [String: Livekit_ConnectionQuality] {
      for client in [alice] { harness.send(.ping(0), from: client) }
      _ = client.takeMessages()
      harness.advance(.milliseconds(5_250))
      let all = client.messages.flatMap(\.connectionQuality.updates)
      return Dictionary(all.map { ($0.participantSid, $0.quality) }) { $1 }
    }
    #expect(updates(alice) == [alice.me.sid: .excellent])
    #expect(updates(alice).isEmpty)
    let bob = harness.join("bob")
    harness.perform(.trackReceived(track, loss: 0.2, jitter: .zero))
    #expect(updates(bob) == [alice.me.sid: .poor, bob.me.sid: .excellent])
    harness.perform(.trackReceived(track, loss: 0, jitter: .milliseconds(60)))
    #expect(updates(bob) == [alice.me.sid: .good])
    harness.perform(.trackReceived(track, loss: 0, jitter: .zero))
    let transport = try #require(harness.transport(of: bob))
    harness.perform(.trackSent(track, to: transport, loss: 0.5, jitter: .zero))
    #expect(updates(alice) == [alice.me.sid: .excellent, bob.me.sid: .poor])
  }

  @Test("changed counts reach the clients within seconds")
  func roomUpdates() {
    let harness = Harness()
    let alice = harness.join("alice")
    harness.join("bob")
    harness.advance(.milliseconds(5_250))
    #expect(alice.messages.last { $0.hasRoomUpdate }?.roomUpdate.room.numParticipants == 2)
  }

  @Test("who hears a call first is told")
  func heard() throws {
    let harness = Harness()
    let call = try harness.call("sip_1")
    let alice = harness.join("alice")
    let transport = try #require(harness.transport(of: alice))
    _ = harness.takeEvents()
    harness.perform(.trackFlowing(call.mediaTrack, to: transport))
    #expect(harness.takeEvents() == ["call heard by alice"])
  }
}

extension Livekit_SignalResponse {
  var hasRoomUpdate: Bool { if case .roomUpdate = message { true } else { false } }
}
