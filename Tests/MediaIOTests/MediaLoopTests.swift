import Audio
import Base
import MediaCore
import MediaIO
import MediaTestSupport
import RTP
import Synchronization
import Testing

@Suite("Media loop", .serialized)
struct MediaLoopTests {
  private static let pool = PortPool(
    range: 24_000...25_999, addresses: [.loopbackV4, TestSocket.loopbackV6], quarantine: .zero)

  /// A loop on loopback and what it reported.
  private final class Running: Sendable {
    let loop: MediaLoop
    let identity: MediaIdentity
    private let log: Log

    private final class Log: Sendable {
      let events = Mutex<[MediaEvent]>([])
    }

    init() throws {
      guard let identity = MediaIdentity.make() else { throw World.NotMade() }
      self.identity = identity
      let log = Log()
      self.log = log
      loop = try MediaLoop.start(
        MediaLoopConfiguration(index: 0, webRTCAddresses: [.loopbackV4, TestSocket.loopbackV6], webRTCPort: 0),
        identity: identity
      ) { event in log.events.withLock { $0.append(event) } }
    }

    deinit { loop.close() }

    func count(_ matches: (MediaEvent) -> Bool) -> Int { log.events.withLock { $0.count(where: matches) } }

    func call(_ phone: SocketPhone, into room: RoomID, id: UInt64) throws -> (leg: PhoneLegID, port: Endpoint) {
      guard let lease = MediaLoopTests.pool.lease(isIPv4: phone.socket.local.address.isIPv4) else {
        throw World.NotMade()
      }
      let leg = PhoneLegID(rawValue: id)
      let local = lease.local
      phone.socket.connect(to: local)
      loop.openPhoneLeg(PhoneLegConfiguration(id: leg), on: lease)
      loop.post(.negotiatePhoneLeg(leg, phone.phone.media()))
      loop.post(.attachPhoneLeg(leg, room, TrackID(rawValue: id)))
      return (leg, local)
    }
  }

  /// A phone on a socket of its own, driven by the test's thread.
  private final class SocketPhone {
    let socket: TestSocket
    let phone: TestPhone

    init(law: G711 = .pcmu, ssrc: UInt32 = 1, isIPv4: Bool = true) throws {
      guard let socket = TestSocket(isIPv4: isIPv4) else { throw World.NotMade() }
      self.socket = socket
      phone = TestPhone(at: socket.local, law: law, ssrc: ssrc)
    }

    func talk(_ samples: [Int16], to port: Endpoint) { socket.send(phone.packet(samples), to: port) }

    func listen() {
      while let datagram = socket.receive() { phone.receive(datagram, at: TestSocket.now()) }
    }
  }

  /// Calls `body` each 20 ms of real time, at most so many times.
  private func run(_ packets: Int, until isDone: () -> Bool = { false }, _ body: (Int) -> Void) {
    let start = TestSocket.now()
    for index in 0..<packets where !isDone() {
      body(index)
      TestSocket.wait(until: start + .milliseconds(20 * (index + 1)))
    }
  }

  /// At most five seconds.
  private func wait(until isDone: () -> Bool) {
    run(250, until: isDone, { _ in })
  }

  @Test(
    "two phones in a room hear each other at the right level and not themselves; a stranger changes nothing",
    arguments: [true, false])
  func phones(isIPv4: Bool) throws {
    let running = try Running()
    let room = RoomID(rawValue: 1)
    running.loop.post(.openRoom(room, RoomMediaOptions()))
    let phones = [try SocketPhone(isIPv4: isIPv4), try SocketPhone(law: .pcma, ssrc: 2, isIPv4: isIPv4)]
    let calls = [
      try running.call(phones[0], into: room, id: 1), try running.call(phones[1], into: room, id: 2),
    ]
    let stranger = try SocketPhone(ssrc: 3, isIPv4: isIPv4)
    let isHeard = { phones.allSatisfy { $0.phone.heard.count >= 130 * 160 } }
    run(500, until: isHeard) { index in
      phones[0].talk(Sound.tone(hz: 600, count: 160, from: index * 160), to: calls[0].port)
      phones[1].talk(Sound.tone(hz: 1000, count: 160, from: index * 160), to: calls[1].port)
      for call in calls { stranger.talk(Sound.tone(hz: 2000, amplitude: 0.9, count: 160), to: call.port) }
      for phone in phones { phone.listen() }
    }
    for (phone, (own, other)) in zip(phones, [(600.0, 1000.0), (1000.0, 600.0)]) {
      let heard = phone.phone.heard
      #expect(heard.count >= 130 * 160)
      let steady = heard.dropFirst(8000).prefix(8000)
      #expect(
        abs(Sound.decibels(steady, hz: other) - Sound.decibels(Sound.tone(hz: other, count: 8000), hz: other)) < 1)
      #expect(Sound.decibels(heard, hz: own) < -45)
      #expect(Sound.decibels(heard, hz: 2000) < -45)
      for (former, packet) in zip(phone.phone.packets, phone.phone.packets.dropFirst()) {
        #expect(packet.header.sequenceNumber == former.header.sequenceNumber &+ 1)
      }
    }
    #expect(stranger.phone.packets.isEmpty)
    #expect(running.count { if case .phoneMediaStarted = $0 { true } else { false } } == 2)
  }

  @Test(
    "one loop is the client of another's room, over a port of its own in either address family",
    arguments: [true, false])
  func client(isIPv4: Bool) throws {
    let (client, server) = (try Running(), try Running())
    let room = RoomID(rawValue: 1)
    let id = TransportID(rawValue: 1)
    let (ours, theirs) = (ICECredentials.random(), ICECredentials.random())
    for running in [client, server] { running.loop.post(.openRoom(room, RoomMediaOptions())) }
    server.loop.post(
      .openTransport(
        TransportConfiguration(
          id: id, room: room, credentials: theirs, remoteUfrag: ours.ufrag,
          remoteFingerprints: [client.identity.fingerprint])))
    let lease = try #require(Self.pool.lease(isIPv4: isIPv4))
    let candidate = ICECandidate(
      foundation: "1", priority: ICECandidate.priority(of: .host),
      endpoint: Endpoint(lease.local.address, server.loop.webRTCPort))
    let peer = ICEPeer(isControlling: true, remotePassword: theirs.password, remoteCandidates: [candidate])
    client.loop.openTransport(
      TransportConfiguration(
        id: id, room: room, credentials: ours, remoteUfrag: theirs.ufrag, ice: .full(peer),
        remoteFingerprints: [server.identity.fingerprint], isDTLSClient: true), on: [lease])
    let isConnected = { (running: Running) in
      running.count { if case .transportConnected(id) = $0 { true } else { false } } == 1
    }
    wait { isConnected(client) && isConnected(server) }
    #expect(isConnected(client) && isConnected(server))
    client.loop.post(.openDataChannel(id, .reliable))
    wait { server.count { if case .dataChannelOpened = $0 { true } else { false } } == 1 }
    client.loop.post(.sendData(id, label: "_reliable", [7]))
    let hasData = { server.count { if case .data(id, _, [7]) = $0 { true } else { false } } == 1 }
    wait(until: hasData)
    #expect(hasData())
    client.loop.post(.closeTransport(id))
    let isClosed = { server.count { if case .transportFailed(id, .closedByPeer) = $0 { true } else { false } } == 1 }
    wait(until: isClosed)
    #expect(isClosed())
  }

  @Test("a WebRTC peer connects over the loop's port and is heard by a phone, and hears it", arguments: [true, false])
  func peer(isIPv4: Bool) throws {
    let running = try Running()
    let room = RoomID(rawValue: 1)
    running.loop.post(.openRoom(room, RoomMediaOptions()))
    let phone = try SocketPhone()
    let call = try running.call(phone, into: room, id: 1)
    let socket = try #require(TestSocket(isIPv4: isIPv4))
    let credentials = ICECredentials.random()
    let peer = try #require(
      TestPeer(at: socket.local, credentials: credentials, serverFingerprint: running.identity.fingerprint))
    let (transport, track) = (TransportID(rawValue: 1), TrackID(rawValue: 9))
    let server = Endpoint(socket.local.address, running.loop.webRTCPort)
    running.loop.post(
      .openTransport(
        TransportConfiguration(
          id: transport, room: room, credentials: credentials, remoteFingerprints: [peer.fingerprint])))
    running.loop.post(.publishTrack(transport, track, ReceiveTrack(ssrc: 5000, payloadType: 111)))
    running.loop.post(.subscribe(transport, TrackID(rawValue: 1), SendTrack(ssrc: 77, payloadType: 111)))
    let codec = try #require(OpusCodec())
    peer.start()
    run(150) { index in
      if peer.isConnected {
        peer.send(
          RTPHeader(
            payloadType: 111, sequenceNumber: UInt16(index), timestamp: UInt32(index * 960), ssrc: 5000),
          payload: codec.encode(Sound.tone(hz: 1000, count: 160, from: index * 160)))
      }
      phone.talk(Sound.tone(hz: 600, count: 160, from: index * 160), to: call.port)
      for datagram in peer.outbox { socket.send(datagram, to: server) }
      peer.outbox = []
      while let datagram = socket.receive() { peer.receive(datagram, at: TestSocket.now()) }
      phone.listen()
    }
    #expect(running.count { if case .transportConnected(transport) = $0 { true } else { false } } == 1)
    let atPhone = phone.phone.heard.suffix(8000)
    #expect(abs(Sound.decibels(atPhone, hz: 1000) - Sound.decibels(Sound.tone(hz: 1000, count: 8000), hz: 1000)) < 1)
    let decoder = try #require(OpusCodec())
    let atPeer = peer.packets.flatMap { decoder.decode($0.payload) }.suffix(8000)
    #expect(abs(Sound.decibels(atPeer, hz: 600) - Sound.decibels(Sound.tone(hz: 600, count: 8000), hz: 600)) < 1)
  }

  @Test("a closed leg gives its port back to the pool, a closed loop all of them")
  func ports() throws {
    let pool = PortPool(range: 26_000...26_099, addresses: [.loopbackV4], quarantine: .zero)
    let running = try Running()
    for id in 1...10 {
      let lease = try #require(pool.lease())
      running.loop.openPhoneLeg(PhoneLegConfiguration(id: PhoneLegID(rawValue: UInt64(id))), on: lease)
    }
    #expect(pool.leasedCount == 10)
    for id in 1...5 { running.loop.post(.closePhoneLeg(PhoneLegID(rawValue: UInt64(id)))) }
    let deadline = TestSocket.now() + .seconds(5)
    while pool.leasedCount > 5, TestSocket.now() < deadline {
      TestSocket.wait(until: TestSocket.now() + .milliseconds(2))
    }
    #expect(pool.leasedCount == 5)
    running.loop.close()
    #expect(pool.leasedCount == 0)
    #expect(running.count { if case .phoneLegClosed = $0 { true } else { false } } == 10)
  }

  @Test("what a phone sent before its leg is closed is counted, however late the loop reads it")
  func closeAfterPackets() throws {
    let running = try Running()
    let room = RoomID(rawValue: 1)
    running.loop.post(.openRoom(room, RoomMediaOptions()))
    for round in 1...20 {
      let phone = try SocketPhone()
      let call = try running.call(phone, into: room, id: UInt64(round))
      // Agreed before the first packet.
      run(2) { _ in }
      for _ in 0..<40 { phone.talk([Int16](repeating: 0, count: 160), to: call.port) }
      running.loop.post(.closePhoneLeg(call.leg))
    }
    running.loop.close()
    #expect(
      running.count { if case .phoneLegClosed(_, let legs) = $0 { legs.packetsReceived == 40 } else { false } } == 20)
  }

  @Test("after close nothing is taken, and closing again does nothing")
  func close() throws {
    let running = try Running()
    #expect(running.loop.post(.openRoom(RoomID(rawValue: 1), RoomMediaOptions())))
    running.loop.close()
    running.loop.close()
    #expect(!running.loop.post(.openRoom(RoomID(rawValue: 1), RoomMediaOptions())))
    #expect(!running.loop.post(.closeRoom(RoomID(rawValue: 1))))
  }

  @Test("a port that is taken makes the start fail with what and why")
  func portTaken() throws {
    let running = try Running()
    let identity = running.identity
    let error = #expect(throws: MediaLoop.StartError.self) {
      _ = try MediaLoop.start(
        MediaLoopConfiguration(index: 1, webRTCAddresses: [.loopbackV4], webRTCPort: running.loop.webRTCPort),
        identity: identity, onEvent: { _ in })
    }
    #expect(error?.operation == "bind 127.0.0.1:\(running.loop.webRTCPort)")
  }

  @Test("an idle loop reports its statistics each second")
  func statistics() throws {
    let running = try Running()
    let deadline = TestSocket.now() + .seconds(5)
    func reports() -> Int { running.count { if case .loopStatistics = $0 { true } else { false } } }
    while reports() == 0, TestSocket.now() < deadline { TestSocket.wait(until: TestSocket.now() + .milliseconds(10)) }
    #expect(reports() >= 1)
  }
}
