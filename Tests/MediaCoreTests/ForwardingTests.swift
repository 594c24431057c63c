import Base
import MediaCore
import MediaTestSupport
import RTP
import Testing

@Suite("Peer to peer")
struct ForwardingTests {
  private struct Pair {
    let world: World
    let room: RoomID
    let speaker: (id: TransportID, peer: TestPeer)
    let listener: (id: TransportID, peer: TestPeer)
    let track: TrackID

    init(
      _ options: SendTrack = SendTrack(ssrc: 77, payloadType: 109), limits: MediaLimits = MediaLimits()
    ) throws {
      world = try World(limits: limits)
      room = world.openRoom()
      speaker = try world.connectPeer(room)
      listener = try world.connectPeer(room)
      track = TrackID(rawValue: 1)
      world.perform(
        .publishTrack(speaker.id, track, ReceiveTrack(ssrc: 5000, payloadType: 111, levelExtensionID: 1)))
      world.perform(.subscribe(listener.id, track, options))
    }

    func speak(
      _ number: Int, ssrc: UInt32 = 5000, payload: [UInt8]? = nil, from peer: TestPeer? = nil, level: UInt8 = 127
    ) {
      (peer ?? speaker.peer).send(
        RTPHeader(
          payloadType: 111, sequenceNumber: UInt16(truncatingIfNeeded: 65_530 + number),
          timestamp: UInt32(truncatingIfNeeded: number * 960), ssrc: ssrc),
        payload: payload ?? [UInt8(truncatingIfNeeded: number), 1, 2],
        extensionBlock: [0xBE, 0xDE, 0, 1, 0x10, level, 0, 0])
      world.carry()
    }
  }

  @Test("packets pass unchanged under the subscriber's SSRC and payload type")
  func forward() throws {
    let pair = try Pair()
    for number in 0..<20 { pair.speak(number) }
    let packets = pair.listener.peer.packets
    #expect(packets.count == 20)
    for (index, packet) in packets.enumerated() {
      #expect(packet.payload == [UInt8(index), 1, 2])
      #expect(packet.header.ssrc == 77 && packet.header.payloadType == 109)
      #expect(packet.header.sequenceNumber == packets[0].header.sequenceNumber &+ UInt16(index))
      #expect(packet.header.timestamp == packets[0].header.timestamp &+ UInt32(index * 960))
      #expect(packet.bytes.count == 12 + 3)
    }
    #expect(pair.speaker.peer.packets.isEmpty)
  }

  @Test("the subscriber's mid is in every packet")
  func mid() throws {
    let pair = try Pair(SendTrack(ssrc: 77, payloadType: 109, mid: "ab", midExtensionID: 3))
    pair.speak(0)
    #expect(pair.listener.peer.packets.first?.bytes[12..<20] == [0xBE, 0xDE, 0, 1, 0x31, 0x61, 0x62, 0])
  }

  @Test("losses and reordering stay visible")
  func gaps() throws {
    let pair = try Pair()
    for number in [0, 1, 4, 3, 5] { pair.speak(number) }
    let base = try #require(pair.listener.peer.packets.first?.header.sequenceNumber)
    #expect(pair.listener.peer.packets.map { $0.header.sequenceNumber &- base } == [0, 1, 4, 3, 5])
  }

  @Test("a packet that is sent twice is forwarded once")
  func replay() throws {
    let pair = try Pair()
    pair.speaker.peer.send(
      RTPHeader(payloadType: 111, sequenceNumber: 1, timestamp: 0, ssrc: 5000), payload: [1])
    pair.speaker.peer.outbox += pair.speaker.peer.outbox
    pair.world.carry()
    #expect(pair.listener.peer.packets.count == 1)
  }

  @Test("another track in the same stream goes on without a gap in sequence and with the time that passed")
  func sourceChange() throws {
    let pair = try Pair()
    let other = try pair.world.connectPeer(pair.room)
    let second = TrackID(rawValue: 2)
    pair.world.perform(.publishTrack(other.id, second, ReceiveTrack(ssrc: 6000, payloadType: 111)))
    for number in 0..<5 { pair.speak(number) }
    pair.world.perform(.unsubscribe(pair.listener.id, pair.track))
    pair.speak(5)
    pair.world.wait(.milliseconds(500))
    pair.world.perform(.subscribe(pair.listener.id, second, SendTrack(ssrc: 77, payloadType: 109)))
    for number in 100..<103 { pair.speak(number, ssrc: 6000, from: other.peer) }
    let packets = pair.listener.peer.packets
    #expect(packets.count == 8)
    for (former, packet) in zip(packets, packets.dropFirst()) {
      #expect(packet.header.sequenceNumber == former.header.sequenceNumber &+ 1)
    }
    #expect(packets[5].header.timestamp == packets[4].header.timestamp &+ 24_000)
    #expect(packets[5].header.marker)
    #expect(packets[6].header.timestamp == packets[5].header.timestamp &+ 960)
  }

  @Test("a track of another codec or another room cannot be subscribed to")
  func mismatch() throws {
    let pair = try Pair()
    let elsewhere = try pair.world.connectPeer(pair.world.openRoom())
    pair.world.perform(.subscribe(elsewhere.id, pair.track, SendTrack(ssrc: 1, payloadType: 111)))
    pair.world.perform(.subscribe(pair.speaker.id, pair.track, SendTrack(ssrc: 1, payloadType: 0, codec: .pcmu)))
    pair.speak(0)
    #expect(elsewhere.peer.packets.isEmpty && pair.speaker.peer.packets.isEmpty)
  }

  @Test("muting at the server stops a track, unmuting joins it without a gap in sequence")
  func mute() throws {
    let pair = try Pair()
    pair.speak(0)
    pair.world.perform(.setTrackMuted(pair.track, true))
    for number in 1..<10 { pair.speak(number) }
    #expect(pair.listener.peer.packets.count == 1)
    pair.world.perform(.setTrackMuted(pair.track, false))
    pair.speak(10)
    let packets = pair.listener.peer.packets
    #expect(packets.count == 2)
    #expect(packets[1].header.sequenceNumber == packets[0].header.sequenceNumber &+ 1)
  }

  @Test("a NACK is answered with the very packet that was sent")
  func nack() throws {
    let pair = try Pair()
    for number in 0..<10 { pair.speak(number) }
    let sent = pair.listener.peer.rawPackets
    let wanted = pair.listener.peer.packets[4].header.sequenceNumber
    var report = [UInt8](repeating: 0, count: 24)
    var elements = report.mutableSpan
    var bytes = elements.mutableBytes
    let first = RTCP.writeReceiverReport(ssrc: 1, into: &bytes) ?? 0
    let end = RTCP.writeNACK(
      sender: 1, media: 77, sequenceNumber: wanted, following: 0b101, into: &bytes, at: first)
    #expect(end == 24)
    pair.listener.peer.forgetPackets()
    pair.listener.peer.sendRTCP(report)
    pair.world.carry()
    #expect(pair.listener.peer.rawPackets == [sent[4], sent[5], sent[7]])
  }

  @Test("a NACK for what never was, or another stream, is not answered")
  func foreignNACK() throws {
    let pair = try Pair()
    pair.speak(0)
    var report = [UInt8](repeating: 0, count: 24)
    var elements = report.mutableSpan
    var bytes = elements.mutableBytes
    let first = RTCP.writeReceiverReport(ssrc: 1, into: &bytes) ?? 0
    _ = RTCP.writeNACK(sender: 1, media: 78, sequenceNumber: 0, following: 0xFFFF, into: &bytes, at: first)
    pair.listener.peer.forgetPackets()
    pair.listener.peer.sendRTCP(report)
    pair.world.carry()
    #expect(pair.listener.peer.rawPackets.isEmpty)
  }

  @Test("sender reports say when, how many and how much; receiver reports say what was lost")
  func reports() throws {
    let pair = try Pair()
    pair.world.run(.seconds(3)) { index in if index % 2 == 0 && index != 20 { pair.speak(index / 2) } }
    let senderReports = pair.listener.peer.reports.compactMap { packet -> RTCP.SenderReport? in
      if case .senderReport(let report, _) = packet { report } else { nil }
    }
    let last = try #require(senderReports.last)
    #expect((2...3).contains(senderReports.count))
    #expect(last.ssrc == 77)
    #expect((95...150).contains(last.packetCount) && last.octetCount == last.packetCount * 3)
    #expect(last.ntpTimestamp >> 32 == 1_700_000_000 + 2_208_988_800 + UInt64(last.ntpTimestamp >> 32) % 10)
    let newest = try #require(pair.listener.peer.packets.last?.header.timestamp)
    #expect(abs(Int(Int32(bitPattern: newest &- last.rtpTimestamp))) < 48_000 * 2)

    let datagram = try #require(pair.speaker.peer.reportDatagrams.last)
    var reader = RTCP.Reader()
    guard case .receiverReport(_, let blocks) = reader.next(in: datagram.span.bytes) else { throw World.NotMade() }
    let block = blocks.block(0, in: datagram.span.bytes)
    #expect(block?.ssrc == 5000 && block?.cumulativeLost == 1)
    guard case .sourceDescription = reader.next(in: datagram.span.bytes) else { throw World.NotMade() }
  }

  @Test("what the subscriber reports becomes its statistics")
  func subscriberReports() throws {
    let pair = try Pair()
    pair.world.run(.milliseconds(1500)) { index in if index % 2 == 0 { pair.speak(index / 2) } }
    guard case .senderReport(let sent, _) = pair.listener.peer.reports.first else { throw World.NotMade() }
    pair.world.wait(.milliseconds(80))
    var report = [UInt8](repeating: 0, count: 32)
    var elements = report.mutableSpan
    var bytes = elements.mutableBytes
    _ = RTCP.writeReceiverReport(
      ssrc: 1,
      block: RTCP.ReportBlock(
        ssrc: 77, fractionLost: 64, cumulativeLost: 5, highestSequence: 0, jitter: 480,
        lastSenderReport: UInt32(truncatingIfNeeded: sent.ntpTimestamp >> 16), delaySinceLastSenderReport: 1 << 15),
      into: &bytes)
    pair.listener.peer.sendRTCP(report)
    pair.world.carry()
    pair.world.run(.milliseconds(1100))
    let (listener, track) = (pair.listener.id, pair.track)
    let statistics = pair.world.events.compactMap { event -> SentTrackStatistics? in
      if case .sentTrackStatistics(listener, track, let statistics) = event { statistics } else { nil }
    }
    let last = try #require(statistics.last)
    #expect(last.packetsLost == 5 && last.recentLoss == 0.25 && last.jitter == .milliseconds(10))
    let roundTrip = try #require(last.roundTripTime)
    // 500 ms until 1.5 s, 80 ms of waiting, less the 500 ms that the report names.
    #expect(abs(roundTrip.wholeMilliseconds - 80) <= 20)
  }

  @Test("speech raises a track's level and makes it active; silence ends it")
  func levels() throws {
    let pair = try Pair()
    let track = pair.track
    func reports() -> [AudioLevelReport] {
      pair.world.events.compactMap { if case .audioLevel(_, track, let report) = $0 { report } else { nil } }
    }
    let packet: [UInt8] = [0x08, 0, 0]
    pair.world.run(.seconds(2)) { index in if index % 2 == 0 { pair.speak(index / 2, payload: packet, level: 127) } }
    #expect(reports().isEmpty)
    pair.world.run(.seconds(2)) { index in
      if index % 2 == 0 { pair.speak(100 + index / 2, payload: packet, level: 0x80 | 20) }
    }
    let loud = try #require(reports().last)
    #expect(loud.isActive && abs(loud.level - 0.1) < 0.02)
    pair.world.run(.seconds(4)) { index in if index % 2 == 0 { pair.speak(200 + index / 2, payload: packet) } }
    #expect(reports().last == AudioLevelReport(level: 0, isActive: false))
    let count = reports().count
    pair.world.run(.seconds(2))
    #expect(reports().count == count)
  }

  @Test("a track that ends frees its subscribers' streams for another")
  func unpublish() throws {
    let pair = try Pair()
    pair.speak(0)
    pair.world.perform(.unpublishTrack(pair.speaker.id, pair.track))
    pair.speak(1)
    #expect(pair.listener.peer.packets.count == 1)
    pair.world.perform(
      .publishTrack(pair.speaker.id, TrackID(rawValue: 2), ReceiveTrack(ssrc: 5001, payloadType: 111)))
    pair.world.perform(
      .subscribe(pair.listener.id, TrackID(rawValue: 2), SendTrack(ssrc: 77, payloadType: 109)))
    pair.speak(2, ssrc: 5001)
    #expect(pair.listener.peer.packets.count == 2)
  }

  @Test("streams that carry nothing make room for new ones, and their SSRCs are never used again")
  func streamLimit() throws {
    let pair = try Pair(limits: MediaLimits(subscriptionsPerTransport: 2))
    let listener = pair.listener.id
    pair.speak(0)
    for ssrc in 78..<90 as Range<UInt32> {
      pair.world.perform(.subscribe(listener, pair.track, SendTrack(ssrc: ssrc, payloadType: 109)))
      pair.speak(Int(ssrc))
    }
    #expect(Set(pair.listener.peer.packets.map(\.header.ssrc)) == Set(77..<90))
    pair.listener.peer.forgetPackets()
    pair.world.perform(.subscribe(listener, pair.track, SendTrack(ssrc: 77, payloadType: 109)))
    pair.speak(100)
    #expect(pair.listener.peer.packets.map(\.header.ssrc) == [89])
  }

  @Test("a subscription waits for its track, unless it is withdrawn", arguments: [true, false])
  func awaited(isWithdrawn: Bool) throws {
    let pair = try Pair()
    let later = TrackID(rawValue: 2)
    pair.world.perform(.subscribe(pair.listener.id, later, SendTrack(ssrc: 78, payloadType: 111)))
    if isWithdrawn { pair.world.perform(.unsubscribe(pair.listener.id, later)) }
    pair.world.perform(.publishTrack(pair.speaker.id, later, ReceiveTrack(ssrc: 5001, payloadType: 111)))
    pair.speak(0, ssrc: 5001)
    #expect(pair.listener.peer.packets.count == (isWithdrawn ? 0 : 1))
  }

  @Test("a subscriber or a publisher that leaves takes nothing else with it")
  func leaving() throws {
    let pair = try Pair()
    pair.speak(0)
    pair.world.perform(.closeTransport(pair.listener.id))
    pair.speak(1)
    let third = try pair.world.connectPeer(pair.room)
    pair.world.perform(.subscribe(third.id, pair.track, SendTrack(ssrc: 1, payloadType: 111)))
    pair.speak(2)
    #expect(third.peer.packets.count == 1)
    pair.world.perform(.closeTransport(pair.speaker.id))
    pair.world.run(.seconds(2)) { index in if index % 50 == 0 { third.peer.check() } }
    #expect(pair.world.count { if case .transportClosed = $0 { true } else { false } } == 2)
  }
}
