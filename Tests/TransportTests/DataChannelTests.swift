import Base
import Testing

@testable import Transport

extension PeerTests {
  @Suite("data channels")
  struct DataChannelTests {
    /// Two peers whose associations are up.
    private func connected(_ fate: @escaping (Bool, Int) -> Link.Fate = { _, _ in .delivered }) throws -> Link {
      let link = try Link()
      link.fate = fate
      try #require(link.run { link.server.channels != nil && link.client.channels != nil })
      try #require(link.run { link.server.events.first == .connected && link.client.events.first == .connected })
      return link
    }

    private func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ seed) }
    }

    @Test("either side opens a channel, and a message goes each way on it")
    func opensBothWays() throws {
      let link = try connected()
      let fromClient = try #require(link.client.open("_reliable"))
      let fromServer = try #require(link.server.open("_lossy", isOrdered: false, reliability: .retransmissions(0)))
      #expect(fromClient == 0)
      #expect(fromServer == 1)
      link.exchange()
      #expect(link.server.events.contains(.opened(0, label: "_reliable")))
      #expect(link.client.events.contains(.opened(0, label: "_reliable")))
      #expect(link.server.events.contains(.opened(1, label: "_lossy")))
      #expect(link.client.events.contains(.opened(1, label: "_lossy")))
      #expect(link.server.channels?.stream(labelled: "_reliable") == 0)
      #expect(link.client.channels?.stream(labelled: "_lossy") == 1)
      #expect(link.client.channels?.stream(labelled: "none") == nil)
      for stream: UInt16 in [0, 1] {
        #expect(link.client.send([1, 2, 3], on: stream) == .queued)
        #expect(link.server.send(Array("hé".utf8), on: stream, isText: true) == .queued)
      }
      #expect(link.run { link.client.messages.count == 2 && link.server.messages.count == 2 })
      #expect(link.server.events.contains(.message(0, label: "_reliable", bytes: [1, 2, 3], isText: false)))
      #expect(link.client.events.contains(.message(1, label: "_lossy", bytes: Array("hé".utf8), isText: true)))
    }

    @Test("a channel asked for before the association is up is opened then")
    func opensEarly() throws {
      let link = try Link()
      #expect(link.run { link.client.channels != nil })
      // The client's handshake is complete first; the server's channels do not exist yet.
      let stream = try #require(link.client.open("early"))
      #expect(link.run { link.server.events.contains(.opened(stream, label: "early")) })
    }

    @Test("messages of all sizes arrive whole, through loss and doubling", arguments: [0, 1, 2, 3] as [UInt64])
    func sizes(seed: UInt64) throws {
      let sizes = [0, 1, 100, 1_100, 1_200, 60_000, 262_144]
      var generator = RandomSource.seeded(seed)
      let link = try connected { _, _ in
        guard seed > 0 else { return .delivered }
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: return .lost
        case 1: return .twice
        default: return .delivered
        }
      }
      let stream = try #require(link.client.open("big"))
      #expect(link.run { link.server.events.contains(.opened(stream, label: "big")) })
      for size in sizes { #expect(link.client.send(pattern(size), on: stream) == .queued) }
      #expect(link.run(seconds: 120) { link.server.messages.count == sizes.count }, "seed \(seed)")
      #expect(link.server.messages.map(\.count) == sizes)
      #expect(zip(link.server.messages, sizes).allSatisfy { $0 == pattern($1) })
      #expect(link.largestDatagram <= DTLSConnection.maximumDatagramByteCount)
    }

    @Test("what is lost with nothing after it is sent again when its time is over, however little the machine took")
    func retransmitsTheLast() throws {
      let link = try connected()
      let stream = try #require(link.client.open("last"))
      #expect(link.run { link.client.events.contains(.opened(stream, label: "last")) })
      for number: UInt8 in 1...3 {
        link.fate = { isFromClient, _ in isFromClient ? .lost : .delivered }
        #expect(link.client.send([number], on: stream) == .queued)
        link.exchange()
        link.fate = { _, _ in .delivered }
        #expect(link.run(seconds: 5) { link.server.messages.last == [number] })
      }
    }

    @Test("messages of an outage arrive within three seconds of its end", arguments: [3, 10, 29])
    func outage(seconds: Int) throws {
      let link = try connected()
      let stream = try #require(link.client.open("digits"))
      #expect(link.run { link.client.events.contains(.opened(stream, label: "digits")) })
      link.fate = { _, _ in .lost }
      #expect(link.client.send([1], on: stream) == .queued)
      #expect(!link.run(seconds: seconds) { !link.server.messages.isEmpty })
      #expect(link.client.send([2], on: stream) == .queued)
      link.fate = { _, _ in .delivered }
      #expect(link.run(seconds: 3) { link.server.messages == [[1], [2]] })
    }

    @Test("60 kB there and back")
    func echoes() throws {
      let link = try connected()
      let stream = try #require(link.server.open("echo"))
      #expect(link.run { link.client.events.contains(.opened(stream, label: "echo")) })
      #expect(link.server.send(pattern(60_000), on: stream) == .queued)
      #expect(link.run { link.client.messages == [pattern(60_000)] })
      #expect(link.client.send(pattern(60_000), on: stream) == .queued)
      #expect(link.run { link.server.messages == [pattern(60_000)] })
    }

    @Test("a message longer than 256 KiB is refused, and so is more than a peer acknowledges")
    func boundsSending() throws {
      let link = try connected()
      let stream = try #require(link.client.open("full"))
      link.exchange()
      #expect(link.client.send(pattern(262_145), on: stream) == .tooLong)
      link.fate = { _, _ in .lost }
      var results: [DataChannels.SendResult?] = []
      for _ in 0..<8 { results.append(link.client.send(pattern(200_000), on: stream)) }
      #expect(results.first == .queued)
      #expect(results.last == .full)
      // What was queued still arrives once the path is back, and no more.
      link.fate = { _, _ in .delivered }
      let queued = results.filter { $0 == .queued }.count
      #expect(link.run(seconds: 120) { link.server.messages.count == queued })
      #expect(link.client.send([1], on: stream) == .queued)
    }

    @Test("an unreliable channel forgets what was lost, and later messages come through")
    func partialReliability() throws {
      let link = try connected()
      let stream = try #require(link.client.open("lossy", isOrdered: false, reliability: .retransmissions(0)))
      #expect(link.run { link.client.events.contains(.opened(stream, label: "lossy")) })
      link.fate = { isFromClient, _ in isFromClient ? .lost : .delivered }
      #expect(link.client.send([1], on: stream) == .queued)
      link.exchange()
      link.fate = { _, _ in .delivered }
      for number: UInt8 in 2...4 { #expect(link.client.send([number], on: stream) == .queued) }
      #expect(link.run { link.server.messages.count >= 3 })
      _ = link.run(seconds: 5) { false }
      #expect(link.server.messages == [[2], [3], [4]])
    }

    @Test("ordered messages wait for the one that was lost")
    func reliability() throws {
      let link = try connected()
      let stream = try #require(link.client.open("ordered"))
      #expect(link.run { link.client.events.contains(.opened(stream, label: "ordered")) })
      link.fate = { isFromClient, _ in isFromClient ? .lost : .delivered }
      #expect(link.client.send([1], on: stream) == .queued)
      link.exchange()
      link.fate = { _, _ in .delivered }
      for number: UInt8 in 2...4 { #expect(link.client.send([number], on: stream) == .queued) }
      #expect(link.run { link.server.messages.count == 4 })
      #expect(link.server.messages == [[1], [2], [3], [4]])
    }

    @Test("a closed channel is closed for both, and its stream serves again")
    func closesChannel() throws {
      let link = try connected()
      let stream = try #require(link.client.open("one"))
      #expect(link.run { link.client.events.contains(.opened(stream, label: "one")) })
      link.client.closeChannel(stream)
      #expect(link.client.send([1], on: stream) == .closed)
      #expect(
        link.run {
          link.client.events.last == .closed(stream, label: "one")
            && link.server.events.last == .closed(stream, label: "one")
        })
      #expect(link.server.send([1], on: stream) == .closed)
      let again = try #require(link.client.open("two"))
      #expect(again == stream)
      #expect(link.run { link.server.events.contains(.opened(stream, label: "two")) })
      #expect(link.client.send([7], on: stream) == .queued)
      #expect(link.run { link.server.messages == [[7]] })
    }

    @Test("32 channels a side, and no more")
    func boundsChannels() throws {
      let link = try connected()
      let streams = (0..<33).map { link.client.open("channel \($0)") }
      #expect(streams.compactMap(\.self) == (0..<32).map { 2 * $0 })
      #expect(link.run { link.server.events.count == 33 })
      #expect(link.client.open(String(repeating: "x", count: 257)) == nil)
    }

    @Test("to close the association is to tell the peer at once")
    func closes() throws {
      let link = try connected()
      let stream = try #require(link.client.open("one"))
      link.exchange()
      link.client.closeChannels()
      link.client.closeChannels()
      link.exchange()
      #expect(link.server.events.last == .disconnected)
      #expect(link.server.open("late") == nil)
      #expect(link.client.send([1], on: stream) == .closed)
      #expect(link.server.send([1], on: stream) == .closed)
    }

    @Test("associations of several threads do not meet")
    func severalThreads() async throws {
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for seed in 0..<4 {
          group.addTask {
            let link = try connected()
            let stream = try #require(link.client.open("thread"))
            guard link.run(until: { link.server.events.contains(.opened(stream, label: "thread")) }) else {
              return false
            }
            let messages = (0..<40).map { pattern(50 * $0, seed: seed) }
            for message in messages { _ = link.client.send(message, on: stream) }
            return link.run { link.server.messages == messages }
          }
        }
        for try await isComplete in group { #expect(isComplete) }
      }
    }

    @Test("packets of rubbish change nothing", arguments: 1...3 as ClosedRange<UInt64>)
    func rubbish(seed: UInt64) throws {
      var generator = RandomSource.seeded(seed)
      let link = try connected()
      for _ in 0..<300 {
        let count = Int.random(in: 1...DTLSConnection.maximumPlaintextByteCount, using: &generator)
        var packet = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        // Half of them for the right ports.
        if packet.count > 4, packet[0] & 1 == 0 { packet.replaceSubrange(0..<4, with: [0x13, 0x88, 0x13, 0x88]) }
        _ = link.client.write(packet)
        link.exchange()
      }
      let stream = try #require(link.client.open("after"))
      #expect(link.run { link.server.events.contains(.opened(stream, label: "after")) })
    }
  }
}
