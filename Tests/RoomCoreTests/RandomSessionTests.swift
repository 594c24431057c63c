import Base
import LiveKitProtocol
import SwiftProtobuf
import Testing

@testable import RoomCore

/// Sessions that nobody would write down. The seed is in the failure's arguments.
@Suite("Random sessions")
struct RandomSessionTests {
  @Test("whatever happens, everybody ends up with what he should have", arguments: 1...8 as ClosedRange<UInt64>)
  func converges(seed: UInt64) throws {
    var script = Script(seed: seed)
    for step in 0..<120 {
      try script.act()
      try script.check("seed \(seed), step \(step)")
    }
  }

  @Test("damaged requests are survived", arguments: 1...8 as ClosedRange<UInt64>)
  func damage(seed: UInt64) throws {
    var generator = RandomSource.seeded(seed)
    var configuration = Harness.configuration
    configuration.limits.requestsPerSecond = 1_000_000
    configuration.limits.requestBurst = 1_000_000
    let harness = Harness(configuration: configuration, seed: seed)
    _ = try harness.call("sip_1")
    var client = harness.join("alice")
    let samples = try Self.samples(client).map { try $0.serializedBytes() as [UInt8] }
    for number in 0..<400 {
      if client.isClosed { client = harness.join("alice\(number)", isSingle: Bool.random(using: &generator)) }
      client.isObedient = false
      var bytes = samples[Int.random(in: 0..<samples.count, using: &generator)]
      for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      if let request = SignalCoding.protobuf.decode(bytes, as: Livekit_SignalRequest.self) {
        harness.perform(.request(client.session, request))
      }
      if let transport = harness.transport(of: client) {
        harness.perform(.data(transport, label: DataLabel.reliable, bytes))
      }
      harness.now += .milliseconds(Int64.random(in: 0...50, using: &generator))
    }
    harness.advance(.seconds(400))
    #expect(harness.core.rooms.map(\.numParticipants) == [1], "only the call is left")
  }

  private static func samples(_ client: Client) -> [Livekit_SignalRequest] {
    var samples: [Livekit_SignalRequest] = [
      .init(.offer(client.offer())), .init(.answer(.offer(client.peer.offer(), id: 1))), .init(.ping(7)),
      .init(.leave(Livekit_LeaveRequest())), .init(.trickle(Livekit_TrickleRequest())),
    ]
    samples.append(.with { $0.addTrack.cid = "mic" })
    samples.append(.with { $0.addTrack.source = .microphone })
    samples.append(.with { $0.mute.muted = true })
    samples.append(.with { $0.subscription.trackSids = ["TR_x"] })
    samples.append(.with { $0.updateMetadata.attributes = ["a": "b"] })
    samples.append(.with { $0.syncState.subscription.trackSids = ["TR_x"] })
    samples.append(.with { $0.subscriptionPermission.allParticipants = false })
    return samples
  }

  @Test("inputs about things that are not there do nothing")
  func strangers() {
    var generator = RandomSource.seeded(3)
    let harness = Harness()
    harness.join("alice")
    let before = harness.core.rooms
    for _ in 0..<2_000 {
      let number = UInt64.random(in: 1_000...UInt64.max, using: &generator)
      let transport = MediaTransportID(rawValue: number)
      let track = MediaTrackID(rawValue: number)
      let inputs: [RoomInput] = [
        .request(SessionID(rawValue: number), .init(.ping(0))), .sessionClosed(SessionID(rawValue: number)),
        .transportConnected(transport), .transportFailed(transport), .dataChannelOpened(transport, label: "_reliable"),
        .data(transport, label: "_reliable", [1]), .trackActive(track), .trackFlowing(track, to: transport),
        .audioLevel(track, level: 1, isActive: true), .audioLevelsReported(MediaRoomID(rawValue: number)),
        .trackReceived(track, loss: .nan, jitter: .zero), .trackSent(track, to: transport, loss: 1, jitter: .zero),
      ]
      #expect(
        harness.core.handle(inputs[Int.random(in: 0..<inputs.count, using: &generator)], now: harness.now).isEmpty)
    }
    #expect(harness.core.rooms == before)
  }
}

/// A random course of events in one room, and what must be true after each.
private struct Script {
  private var generator: RandomSource
  private let harness: Harness
  private var clients: [Client] = []
  private var dropped: [Client] = []
  private var calls: [LocalJoin] = []
  private var nextName = 0

  init(seed: UInt64) {
    generator = RandomSource.seeded(seed)
    var configuration = Harness.configuration
    configuration.limits.requestsPerSecond = 1_000_000
    configuration.limits.requestBurst = 1_000_000
    configuration.pingTimeout = .seconds(1_000)
    harness = Harness(configuration: configuration, seed: seed)
  }

  private mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &generator) }
  private mutating func name(_ prefix: String) -> String {
    nextName += 1
    return "\(prefix)\(nextName)"
  }

  mutating func act() throws {
    switch Int.random(in: 0..<16, using: &generator) {
    case 0, 1:
      guard clients.count < 8 else { return }
      clients.append(harness.join(name("c"), isSingle: Bool.random(using: &generator)))
    case 2: if calls.count < 4 { calls.append(try harness.call(name("sip_"))) }
    case 3, 4, 5: if let client = pick(clients) { harness.publish(name("mic"), from: client) }
    case 6: unpublish()
    case 7: if let client = pick(clients) { leave(client) }
    case 8: if let call = pick(calls) { hangUp(call) }
    case 9: if let client = pick(clients) { drop(client) }
    case 10: if let client = pick(dropped) { resume(client) }
    case 11: if let client = pick(clients) { replace(client) }
    case 12: if let client = pick(clients) { toggle(client) }
    case 13: harness.advance(.seconds(Int64.random(in: 1...3, using: &generator)))
    case 14:
      if let client = pick(clients) {
        client.peer.usernameFragment = name("frag")
        harness.send(.offer(client.offer()), from: client)
      }
    default:
      if let client = pick(clients), let transport = harness.transport(of: client) {
        harness.perform(.transportFailed(transport))
        clients.removeAll { $0 === client }
      }
    }
    dropped = dropped.filter(isThere)
  }

  private mutating func unpublish() {
    guard let client = pick(clients), let cid = pick(client.peer.sections.compactMap(\.cid)) else { return }
    harness.unpublish(cid, from: client)
  }

  private mutating func leave(_ client: Client) {
    harness.send(.leave(Livekit_LeaveRequest()), from: client)
    clients.removeAll { $0 === client }
  }

  private mutating func hangUp(_ call: LocalJoin) {
    harness.perform(harness.core.leaveLocal(call.participantSID, now: harness.now))
    calls.removeAll { $0 == call }
  }

  private mutating func drop(_ client: Client) {
    harness.perform(.sessionClosed(client.session))
    clients.removeAll { $0 === client }
    dropped.append(client)
  }

  private mutating func resume(_ client: Client) {
    harness.resume(client)
    dropped.removeAll { $0 === client }
    clients.append(client)
  }

  private mutating func replace(_ client: Client) {
    let new = harness.join(client.identity, isSingle: client.isSingle)
    clients.removeAll { $0 === client }
    clients.append(new)
  }

  /// Unsubscribes from everything and subscribes again.
  private mutating func toggle(_ client: Client) {
    var request = Livekit_UpdateSubscription()
    request.trackSids = client.others.values.flatMap(\.tracks).map(\.sid)
    harness.send(.subscription(request), from: client)
    request.subscribe = true
    harness.send(.subscription(request), from: client)
  }

  private func isThere(_ client: Client) -> Bool {
    let all = (try? harness.core.participants(of: "lobby")) ?? []
    return all.contains { $0.sid == client.me.sid }
  }

  func check(_ place: Comment) throws {
    let everybody = (try? harness.core.participants(of: "lobby")) ?? []
    for client in clients {
      #expect(!client.isClosed, place)
      let others = everybody.filter { $0.sid != client.me.sid }
      #expect(Set(client.others.keys) == Set(others.map(\.sid)), place)
      let tracks = Set(others.flatMap(\.tracks).map(\.sid))
      #expect(client.remoteTracks.count == tracks.count && Set(client.remoteTracks.values) == tracks, place)
      #expect(Set(client.others.values.flatMap(\.tracks).map(\.sid)) == tracks, place)
      let transport = try #require(harness.transport(of: client), place)
      #expect(harness.media.subscriptions.keys.count { $0.transport == transport } == tracks.count, place)
    }
    let routes = harness.core.turn
    #expect(routes.sessions.count == clients.count, place)
    #expect(Set(routes.locals.keys) == Set(calls.map(\.participantSID)), place)
    #expect(routes.loopLoads == [everybody.count], place)
    let room = harness.core.roomsByName["lobby"]
    let announced = (room?.orderedParticipants ?? []).flatMap { who in who.tracks.map { ($0.info.sid, who.sid) } }
    #expect(room?.publishers ?? [:] == Dictionary(uniqueKeysWithValues: announced), place)
    #expect(Set(harness.media.transports.keys).isSubset(of: routes.transports.keys), place)
  }
}
