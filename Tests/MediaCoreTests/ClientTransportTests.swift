import Audio
import Base
import MediaCore
import MediaTestSupport
import Testing

@Suite("A transport to another server")
struct ClientTransportTests {
  @Test(
    "it connects in either DTLS role, and sound passes both ways", arguments: Bridge.ServerKind.allCases, [true, false])
  func connects(kind: Bridge.ServerKind, isDTLSClient: Bool) throws {
    let bridge = try Bridge(kind, isClientDTLSClient: isDTLSClient)
    let time = try #require(bridge.connect())
    #expect(time <= .milliseconds(200))
    bridge.talk(.seconds(1))
    #expect(bridge.bothHear())
    #expect(bridge.interruptionCount == 0)
  }

  @Test("it connects through 20 % of loss", arguments: Bridge.ServerKind.allCases)
  func loss(kind: Bridge.ServerKind) throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let bridge = try Bridge(kind, seed: seed, isClientDTLSClient: seed % 2 == 0, lossPercent: 20)
      #expect(bridge.connect(within: .seconds(20)) != nil, "seed \(seed)")
      bridge.talk(.seconds(1))
      #expect(bridge.bothHear(), "seed \(seed)")
    }
  }

  @Test("a path cut for three seconds is not worth a word", arguments: Bridge.ServerKind.allCases)
  func shortCut(kind: Bridge.ServerKind) throws {
    let bridge = try Bridge(kind)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(3))
    bridge.network.isCut = true
    bridge.talk(.seconds(3))
    bridge.network.isCut = false
    bridge.talk(.seconds(2))
    #expect(bridge.interruptionCount == 0)
    #expect(bridge.bothHear())
  }

  @Test("a path cut for ten seconds is reported, and its return", arguments: Bridge.ServerKind.allCases)
  func longCut(kind: Bridge.ServerKind) throws {
    let bridge = try Bridge(kind)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(3))
    bridge.network.isCut = true
    bridge.talk(.seconds(10))
    #expect(bridge.interruptionCount == 1)
    #expect(bridge.resumptionCount == 0)
    bridge.network.isCut = false
    bridge.talk(.seconds(1))
    #expect(bridge.resumptionCount == 1)
    #expect(bridge.bothHear())
    #expect(bridge.failure(bridge.client) == nil)
  }

  @Test("a phone whose room is out of reach hears faint noise instead of nothing, and then its room again")
  func comfortNoise() throws {
    let bridge = try Bridge(.lite)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    bridge.network.isCut = true
    bridge.talk(.seconds(6))
    let level = {
      bridge.client.phone.forgetPackets()
      bridge.talk(.seconds(1))
      return AudioLevel.level(of: bridge.client.phone.heard.span)
    }
    #expect(level() > 75)
    bridge.network.perform(.setComfortNoise(bridge.client.leg, true), on: bridge.client.host)
    #expect((55...65).contains(level()))
    bridge.network.isCut = false
    bridge.talk(.seconds(1))
    #expect(bridge.bothHear())
    bridge.network.perform(.setComfortNoise(bridge.client.leg, false), on: bridge.client.host)
    #expect(bridge.bothHear())
  }

  @Test("the server learns how loud the phone is", arguments: Bridge.ServerKind.allCases)
  func audioLevel(kind: Bridge.ServerKind) throws {
    let bridge = try Bridge(kind)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    let reports = bridge.server.host.events.compactMap { event in
      if case .audioLevel(_, bridge.server.remoteTrack, let report) = event { report } else { nil }
    }
    let last = try #require(reports.last)
    #expect(last.isActive && last.level > 0.1)
  }

  @Test("both sides report on what they receive")
  func reports() throws {
    let bridge = try Bridge(.full)
    _ = try #require(bridge.connect())
    bridge.network.lossPercent = 10
    bridge.talk(.seconds(10))
    for end in [bridge.client, bridge.server] {
      let sent = end.host.events.compactMap { event in
        if case .sentTrackStatistics(end.id, end.track, let statistics) = event { statistics } else { nil }
      }
      let received = end.host.events.compactMap { event in
        if case .receivedTrackStatistics(end.remoteTrack, let statistics) = event { statistics } else { nil }
      }
      let last = try #require(sent.last)
      #expect(last.packetsLost > 10)
      #expect((.milliseconds(19)...(.milliseconds(51))).contains(try #require(last.roundTripTime)))
      #expect(received.last?.packetsReceived ?? 0 > 300)
    }
  }

  @Test("a path cut for sixty seconds fails after thirty, on both sides", arguments: Bridge.ServerKind.allCases)
  func endlessCut(kind: Bridge.ServerKind) throws {
    let bridge = try Bridge(kind)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(3))
    bridge.network.isCut = true
    bridge.network.run(.seconds(28))
    #expect(bridge.failure(bridge.client) == nil)
    bridge.network.run(.seconds(32))
    #expect(bridge.failure(bridge.client) == .consentExpired)
    #expect(bridge.failure(bridge.server) == .consentExpired)
    #expect(bridge.client.host.closedPorts == [bridge.client.port])
    #expect(bridge.client.host.legCount == 1)
  }

  @Test("a restart goes unheard", arguments: Bridge.ServerKind.allCases)
  func restart(kind: Bridge.ServerKind) throws {
    let bridge = try Bridge(kind)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    bridge.restart()
    #expect(bridge.bothHear())
    bridge.network.run(.seconds(40))
    #expect(bridge.bothHear())
    #expect(bridge.interruptionCount == 0)
    #expect(bridge.failure(bridge.client) == nil && bridge.failure(bridge.server) == nil)
  }

  @Test("a restart after a cut brings the path back when the server is elsewhere")
  func restartElsewhere() throws {
    let bridge = try Bridge(.lite)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    bridge.server.host.outside[.webRTC] = Endpoint(IPAddress(v4: 0x0A09_0909), 1)
    bridge.network.run(.seconds(20))
    #expect(bridge.interruptionCount == 1)
    bridge.restart()
    bridge.talk(.milliseconds(500))
    #expect(bridge.resumptionCount == 1)
    #expect(bridge.bothHear())
    bridge.network.run(.seconds(32))
    #expect(bridge.failure(bridge.client) == nil && bridge.failure(bridge.server) == nil)
  }

  @Test("a client whose address changes goes on within seconds", arguments: Bridge.ServerKind.allCases)
  func clientMoves(kind: Bridge.ServerKind) throws {
    let bridge = try Bridge(kind)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    bridge.client.host.outside[bridge.client.port] = Endpoint(Bridge.clientEndpoint.address, 20_999)
    bridge.talk(.seconds(5))
    #expect(bridge.bothHear())
    #expect(bridge.failure(bridge.client) == nil && bridge.failure(bridge.server) == nil)
  }

  @Test("a server whose address changes goes on within seconds")
  func serverMoves() throws {
    let bridge = try Bridge(.full)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    bridge.server.host.outside[bridge.server.port] = Endpoint(Bridge.serverEndpoint.address, 50_999)
    bridge.talk(.seconds(6))
    #expect(bridge.bothHear())
  }

  @Test("where no datagram passes a connection carries the call")
  func connection() throws {
    let bridge = try Bridge(.lite, hasStream: true, isCutForDatagrams: true)
    let time = try #require(bridge.connect())
    #expect(time >= .milliseconds(500) && time <= .seconds(1))
    bridge.talk(.seconds(1))
    #expect(bridge.bothHear())
    bridge.talk(.seconds(10))
    #expect(bridge.interruptionCount == 0)
  }

  @Test("a call whose datagrams stop passing goes on over a connection, and comes back when that ends")
  func failover() throws {
    let bridge = try Bridge(.lite, hasStream: true)
    _ = try #require(bridge.connect())
    bridge.talk(.seconds(2))
    #expect(bridge.bothHear())
    bridge.network.isCutForDatagrams = true
    bridge.talk(.seconds(5))
    #expect(bridge.bothHear())
    #expect(bridge.interruptionCount == 0)
    bridge.network.isCutForDatagrams = false
    bridge.network.endStreams(of: bridge.client.host)
    bridge.talk(.seconds(4))
    #expect(bridge.bothHear())
    #expect(bridge.failure(bridge.client) == nil && bridge.failure(bridge.server) == nil)
  }

  @Test("data channels pass messages both ways")
  func data() throws {
    let bridge = try Bridge(.lite)
    _ = try #require(bridge.connect())
    bridge.network.perform(.openDataChannel(bridge.client.id, .reliable), on: bridge.client.host)
    bridge.talk(.seconds(1))
    for end in [bridge.client, bridge.server] {
      bridge.network.perform(.sendData(end.id, label: "_reliable", [1, 2, 3]), on: end.host)
    }
    bridge.talk(.seconds(1))
    for end in [bridge.client, bridge.server] {
      #expect(end.host.count { if case .data(end.id, "_reliable", [1, 2, 3]) = $0 { true } else { false } } == 1)
    }
  }

  @Test("a hundred transports to one server port are told apart")
  func oneServerPort() throws {
    let bridge = try Bridge(.lite)
    let network = bridge.network
    var ids: [TransportID] = []
    for index in 0..<100 {
      let ours = ICECredentials.random()
      let theirs = ICECredentials.random()
      let id = TransportID(rawValue: network.makeID())
      ids.append(id)
      let ofServer = TransportConfiguration(
        id: id, room: bridge.server.room, credentials: theirs, remoteUfrag: ours.ufrag,
        remoteFingerprints: [bridge.client.host.identity.fingerprint])
      network.perform(.openTransport(ofServer), on: bridge.server.host)
      let ofClient = TransportConfiguration(
        id: id, room: bridge.client.room, credentials: ours, remoteUfrag: theirs.ufrag,
        ice: .full(
          ICEPeer(isControlling: true, remotePassword: theirs.password, remoteCandidates: bridge.serverCandidates)),
        remoteFingerprints: [bridge.server.host.identity.fingerprint], isDTLSClient: true)
      _ = network.openTransport(
        ofClient, at: Endpoint(Bridge.clientEndpoint.address, UInt16(30_000 + index)), on: bridge.client.host)
    }
    network.run(.seconds(1))
    for host in network.hosts {
      let connected = host.count { if case .transportConnected(let id) = $0 { ids.contains(id) } else { false } }
      #expect(connected == 100)
    }
  }

  @Test(
    "what does not hold together is refused, and its port returned",
    arguments: ["lite", "no ufrag", "a short password", "no room"])
  func refused(reason: String) throws {
    let network = MediaNetwork(seed: 1)
    let host = try network.addHost()
    var configuration = TransportConfiguration(
      id: TransportID(rawValue: 1), room: network.openRoom(on: host), credentials: .random(), remoteUfrag: "abcd",
      ice: .full(ICEPeer(isControlling: true, remotePassword: ICECredentials.random().password)),
      remoteFingerprints: [host.identity.fingerprint])
    switch reason {
    case "lite": configuration.ice = .lite
    case "no ufrag": configuration.remoteUfrag = nil
    case "a short password": configuration.ice = .full(ICEPeer(isControlling: true, remotePassword: "short"))
    default: configuration.room = RoomID(rawValue: 9_999)
    }
    let port = network.openTransport(configuration, at: Bridge.clientEndpoint, on: host)
    #expect(host.closedPorts == [port])
    #expect(host.count { if case .transportFailed(_, .refused) = $0 { true } else { false } } == 1)
    #expect(host.count { if case .transportClosed = $0 { true } else { false } } == 1)
  }

  @Test("a full agent without a port of its own is refused")
  func needsPort() throws {
    let network = MediaNetwork(seed: 1)
    let host = try network.addHost()
    let configuration = TransportConfiguration(
      id: TransportID(rawValue: 1), room: network.openRoom(on: host), credentials: .random(), remoteUfrag: "abcd",
      ice: .full(ICEPeer(isControlling: true, remotePassword: ICECredentials.random().password)),
      remoteFingerprints: [host.identity.fingerprint])
    network.perform(.openTransport(configuration), on: host)
    #expect(host.count { if case .transportFailed(_, .refused) = $0 { true } else { false } } == 1)
  }
}
