import Base
import MediaCore
import MediaIO
import MediaTestSupport
import Synchronization
import Testing

// Part of that suite, so that one test at a time drives loops in real time from a thread that others wait for.
extension MediaLoopTests {
  @Suite("Ways around a network that lets no datagram through", .serialized)
  struct DetourTests {
    private static let pool = PortPool(range: 26_000...27_999, addresses: [.loopbackV4], quarantine: .zero)

    /// A client's loop and a server's, with a transport between them.
    private final class Pair {
      private final class Log: Sendable {
        let events = Mutex<[MediaEvent]>([])
      }

      let client: MediaLoop
      let server: MediaLoop
      let room = RoomID(rawValue: 1)
      let id = TransportID(rawValue: 1)
      private let identities: [MediaIdentity]
      private let logs = [Log(), Log()]
      private let ours = ICECredentials.random()
      private let theirs = ICECredentials.random()

      init(authorities: TLSAuthorities? = nil) throws {
        identities = [MediaIdentity.make(), MediaIdentity.make()].compactMap { $0 }
        guard identities.count == 2 else { throw World.NotMade() }
        let (clientLog, serverLog) = (logs[0], logs[1])
        client = try MediaLoop.start(
          MediaLoopConfiguration(index: 0, webRTCAddresses: [.loopbackV4], webRTCPort: 0, authorities: authorities),
          identity: identities[0]
        ) { event in clientLog.events.withLock { $0.append(event) } }
        server = try MediaLoop.start(
          MediaLoopConfiguration(index: 1, webRTCAddresses: [.loopbackV4], webRTCPort: 0), identity: identities[1]
        ) { event in serverLog.events.withLock { $0.append(event) } }
        for loop in [client, server] { loop.post(.openRoom(room, RoomMediaOptions())) }
        server.post(
          .openTransport(
            TransportConfiguration(
              id: id, room: room, credentials: theirs, remoteUfrag: ours.ufrag,
              remoteFingerprints: [identities[0].fingerprint])))
      }

      deinit {
        client.close()
        server.close()
      }

      var serverEndpoint: Endpoint { Endpoint(.loopbackV4, server.webRTCPort) }

      func open(candidates: [ICECandidate], servers: [ICEServer] = [], usesRelaysOnly: Bool = false) throws {
        guard let lease = DetourTests.pool.lease() else { throw World.NotMade() }
        let peer = ICEPeer(
          isControlling: true, remotePassword: theirs.password, remoteCandidates: candidates,
          usesRelaysOnly: usesRelaysOnly)
        let configuration = TransportConfiguration(
          id: id, room: room, credentials: ours, remoteUfrag: theirs.ufrag, ice: .full(peer), iceServers: servers,
          remoteFingerprints: [identities[1].fingerprint], isDTLSClient: true)
        client.openTransport(configuration, on: [lease])
      }

      func clientCount(_ matches: (MediaEvent) -> Bool) -> Int { logs[0].events.withLock { $0.count(where: matches) } }
      func serverCount(_ matches: (MediaEvent) -> Bool) -> Int { logs[1].events.withLock { $0.count(where: matches) } }

      var isConnected: Bool {
        clientCount { if case .transportConnected = $0 { true } else { false } } == 1
          && serverCount { if case .transportConnected = $0 { true } else { false } } == 1
      }

      /// Sends a message and waits for its echo of a kind: one the other way.
      func passesData() -> Bool {
        client.post(.openDataChannel(id, .reliable))
        guard wait(until: { serverCount { if case .dataChannelOpened = $0 { true } else { false } } >= 1 }) else {
          return false
        }
        // Long enough for many packets.
        let long = (0..<30_000).map { UInt8(truncatingIfNeeded: $0) }
        client.post(.sendData(id, label: "_reliable", long))
        server.post(.sendData(id, label: "_reliable", long))
        return wait {
          clientCount { if case .data(_, _, long) = $0 { true } else { false } } >= 1
            && serverCount { if case .data(_, _, long) = $0 { true } else { false } } >= 1
        }
      }

      /// At most ten seconds.
      func wait(until isDone: () -> Bool) -> Bool {
        let start = TestSocket.now()
        while !isDone() {
          guard TestSocket.now() - start < .seconds(10) else { return false }
          TestSocket.wait(until: TestSocket.now() + .milliseconds(5))
        }
        return true
      }
    }

    private func candidate(
      _ endpoint: Endpoint, _ transport: ICECandidate.TransportProtocol = .udp
    ) -> ICECandidate {
      ICECandidate(
        foundation: "1", transport: transport, priority: ICECandidate.priority(of: .host), endpoint: endpoint)
    }

    @Test(
      "everything passes through a TURN server (coturn)",
      arguments: [ICEServer.TransportProtocol.udp, .tcp, .tls])
    func relayed(transport: ICEServer.TransportProtocol) throws {
      let turn = try TURNServer()
      let pair = try Pair(authorities: TLSAuthorities(file: turn.authorityFile))
      try pair.open(
        candidates: [candidate(pair.serverEndpoint)], servers: [turn.server(transport)], usesRelaysOnly: true)
      #expect(pair.wait { pair.isConnected })
      #expect(
        pair.clientCount { if case .localCandidate(_, let made) = $0 { made.kind == .relayed } else { false } } >= 1)
      #expect(pair.passesData())
      pair.client.post(.closeTransport(pair.id))
      #expect(
        pair.wait { pair.serverCount { if case .transportFailed(_, .closedByPeer) = $0 { true } else { false } } == 1 })
    }

    @Test("a TLS server of another name, or one that nobody vouches for, is not used", arguments: [true, false])
    func untrusted(isKnown: Bool) throws {
      let turn = try TURNServer()
      let authorities = isKnown ? TLSAuthorities(file: turn.authorityFile) : TLSAuthorities()
      let pair = try Pair(authorities: authorities)
      try pair.open(
        candidates: [candidate(pair.serverEndpoint)],
        servers: [turn.server(.tls, name: isKnown ? "other.example.org" : "localhost"), turn.server(.tcp)],
        usesRelaysOnly: true)
      #expect(pair.wait { pair.isConnected })
      // The plain one alone.
      #expect(pair.clientCount { if case .localCandidate = $0 { true } else { false } } == 1)
    }

    @Test("where datagrams get no answer, TCP to the peer itself does it (RFC 6544)")
    func connection() throws {
      let pair = try Pair()
      let proxy = try #require(FramingProxy(towards: pair.serverEndpoint))
      defer { proxy.stop() }
      let nobody = try #require(TestSocket())
      try pair.open(candidates: [candidate(nobody.local), candidate(proxy.local, .tcpPassive)])
      #expect(pair.wait { pair.isConnected })
      #expect(pair.passesData())
      // A connection that ends is made again, and nothing is lost but time.
      proxy.cut()
      pair.server.post(.sendData(pair.id, label: "_reliable", [9]))
      #expect(pair.wait { pair.clientCount { if case .data(_, _, [9]) = $0 { true } else { false } } == 1 })
      #expect(pair.serverCount { if case .transportFailed = $0 { true } else { false } } == 0)
    }

    @Test("no detour is made where datagrams are answered")
    func direct() throws {
      let turn = try TURNServer()
      let pair = try Pair()
      let proxy = try #require(FramingProxy(towards: pair.serverEndpoint))
      defer { proxy.stop() }
      try pair.open(
        candidates: [candidate(pair.serverEndpoint), candidate(proxy.local, .tcpPassive)], servers: [turn.server(.udp)])
      #expect(pair.wait { pair.isConnected })
      #expect(pair.passesData())
      TestSocket.wait(until: TestSocket.now() + .seconds(1))
      #expect(proxy.connectionCount == 0)
      #expect(pair.clientCount { if case .localCandidate = $0 { true } else { false } } == 0)
    }
  }
}
