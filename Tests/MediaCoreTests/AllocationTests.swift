import Audio
import Base
import CMallocCount
import MediaCore
import MediaTestSupport
import RTP
import Testing

/// Datagrams made beforehand, back to back in one block, so that feeding them allocates nothing.
private struct Batch {
  let storage: UnsafeMutableRawBufferPointer
  let ranges: [Range<Int>]

  init(_ datagrams: [[UInt8]]) {
    storage = .allocate(byteCount: max(1, datagrams.reduce(0) { $0 + $1.count }), alignment: 16)
    var offset = 0
    var ranges: [Range<Int>] = []
    for datagram in datagrams {
      storage[offset..<(offset + datagram.count)].copyBytes(from: datagram)
      ranges.append(offset..<(offset + datagram.count))
      offset += datagram.count
    }
    self.ranges = ranges
  }

  subscript(index: Int) -> UnsafeMutableRawBufferPointer { .init(rebasing: storage[ranges[index]]) }
}

// Unoptimised code allocates in generic loops of the standard library: only a release build tells anything.
@Suite("Allocations", .enabled(if: cmalloccount_is_available() && !_isDebugAssertConfiguration()))
struct AllocationTests {
  private static let warm = 300
  private static let measured = 1000

  /// Feeds one packet of each phone and each peer, and two ticks, per round of 20 ms; returns the allocations of the
  /// rounds after the warm ones.
  private func run(_ world: World, phones: [Batch], peers: [(source: Endpoint, batch: Batch)]) -> Int64 {
    world.withEngine { engine, now in
      var allocations: Int64 = 0
      for round in 0..<(Self.warm + Self.measured) {
        if round == Self.warm { cmalloccount_start() }
        for port in 0..<phones.count {
          engine.receive(
            phones[port][round], from: Endpoint(IPAddress(v4: 0xC000_0201), UInt16(4000 + port)),
            on: MediaPort(index: Int32(port)), at: now)
        }
        for peer in 0..<peers.count {
          engine.receiveOnWebRTCPort(peers[peer].batch[round], from: peers[peer].source, at: now)
        }
        for _ in 0..<2 {
          now += MediaEngine.tickPeriod
          engine.beginTick(at: now)
          while engine.continueTick(at: now) {}
          engine.transmit.removeAll()
        }
      }
      allocations = cmalloccount_stop()
      return allocations
    }
  }

  @Test("the counter counts")
  func counter() {
    cmalloccount_start()
    let numbers = Array(0..<Int.random(in: 50...60))
    let count = cmalloccount_stop()
    #expect(count == 1, "\(numbers.count) numbers")
  }

  @Test("1,000 packets each way and 2,000 ticks allocate nothing once warm", arguments: [RoomCodec.opus, .pcmu])
  func packetPath(codec: RoomCodec) throws {
    let world = try World()
    let room = world.openRoom(RoomMediaOptions(codec: codec))
    let phones = (0..<2).map { TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), UInt16(4000 + $0))) }
    let legs = phones.map { world.call($0, into: room) }
    let peers = try (0..<2).map { _ in try world.connectPeer(room) }
    let trackCodec: TrackCodec = codec == .opus ? .opus : .pcmu
    let opus = try #require(OpusCodec())
    for (index, peer) in peers.enumerated() {
      let track = TrackID(rawValue: UInt64(10 + index))
      world.perform(
        .publishTrack(
          peer.id, track, ReceiveTrack(ssrc: 5000, payloadType: 111, codec: trackCodec, levelExtensionID: 1)))
    }
    for (index, peer) in peers.enumerated() {
      let others = legs.map(\.track) + [TrackID(rawValue: UInt64(10 + 1 - index))]
      for (number, track) in others.enumerated() {
        world.perform(
          .subscribe(
            peer.id, track,
            SendTrack(ssrc: UInt32(77 + number), payloadType: 111, codec: trackCodec, mid: "1", midExtensionID: 4)))
      }
    }
    let rounds = Self.warm + Self.measured
    let fromPhones = phones.map { phone in
      Batch((0..<rounds).map { phone.packet(Sound.tone(hz: 700, count: 160, from: $0 * 160)) })
    }
    let fromPeers = peers.map { peer in
      for round in 0..<rounds {
        let samples = Sound.tone(hz: 1200, count: 160, from: round * 160)
        let step: UInt32 = codec == .opus ? 960 : 160
        peer.peer.send(
          RTPHeader(
            payloadType: 111, sequenceNumber: UInt16(truncatingIfNeeded: 65_000 + round),
            timestamp: UInt32(round) &* step, ssrc: 5000),
          payload: codec == .opus ? opus.encode(samples) : Sound.encode(samples),
          extensionBlock: [0xBE, 0xDE, 0, 1, 0x10, 0x80 | 20, 0, 0])
      }
      defer { peer.peer.outbox = [] }
      return (source: peer.peer.endpoint, batch: Batch(peer.peer.outbox))
    }
    // One phone hears the room, the other a sound that ends and begins again.
    let sound = try #require(PhoneSound(Sound.tone(hz: 500, count: 1_000)))
    world.perform(.playSound(legs[1].leg, PhonePlayback(id: 1, sound: sound, repeats: true)))
    #expect(run(world, phones: fromPhones, peers: fromPeers) == 0)
    world.carry()
    for leg in legs {
      let statistics = world.statistics(of: leg.leg)
      #expect(statistics?.packetsReceived == UInt64(rounds))
      #expect(statistics?.packetsSent ?? 0 >= UInt64(rounds))
    }
  }

  @Test("a client of another server and that server pass 1,000 packets each way without allocating")
  func clientTransport() throws {
    let bridge = try Bridge(.lite)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(1))
    let rounds = Self.warm + Self.measured
    let batches = [bridge.client, bridge.server].map { end in
      Batch((0..<rounds).map { end.phone.packet(Sound.tone(hz: 700, count: 160, from: $0 * 160)) })
    }
    var now = bridge.network.now
    let phonePorts = [bridge.client, bridge.server].map(\.phonePort)
    let serverAddress = try #require(bridge.server.host.outside[.webRTC])
    let before = [bridge.client, bridge.server].map { $0.phone.endpoint }
    var checkCount = 0
    let allocations = bridge.client.host.withEngine { client in
      bridge.server.host.withEngine { server in
        for round in 0..<rounds {
          if round == Self.warm { cmalloccount_start() }
          client.receive(batches[0][round], from: before[0], on: phonePorts[0], at: now)
          server.receive(batches[1][round], from: before[1], on: phonePorts[1], at: now)
          for _ in 0..<2 {
            now += MediaEngine.tickPeriod
            client.beginTick(at: now)
            while client.continueTick(at: now) {}
            server.beginTick(at: now)
            while server.continueTick(at: now) {}
          }
          for index in 0..<client.transmit.count where client.transmit[index].destination == serverAddress {
            if client.transmit.bytes(index)[0] == 0 { checkCount += 1 }
            server.receiveOnWebRTCPort(client.transmit.bytes(index), from: Bridge.clientEndpoint, at: now)
          }
          client.transmit.removeAll()
          for index in 0..<server.transmit.count where server.transmit[index].destination == Bridge.clientEndpoint {
            client.receive(server.transmit.bytes(index), from: serverAddress, on: bridge.client.port, at: now)
          }
          server.transmit.removeAll()
        }
        return cmalloccount_stop()
      }
    }
    #expect(allocations == 0)
    // One a second of 26 seconds.
    #expect(checkCount > 20)
  }
}
