import Base
import CWallClock
import MediaCore
import MediaTestSupport
import Testing

/// A phone at a gateway that is the client of a room, and a phone in that room: two engines and the network between.
private final class Bridge {
  enum ServerKind: CaseIterable, Sendable { case lite, full }

  struct End {
    let host: MediaNetwork.Host
    let room: RoomID
    let phone: TestPhone
    let leg: PhoneLegID
    let track: TrackID
    let id: TransportID
    var credentials = ICECredentials.random()
    var port = MediaPort.webRTC
  }

  static let clientEndpoint = Endpoint(IPAddress(v4: 0xCB00_7101), 20_000)
  static let serverEndpoint = Endpoint(IPAddress(v4: 0xC633_6401), 50_000)

  let network: MediaNetwork
  let kind: ServerKind
  var client: End
  var server: End
  private var frame = 0

  init(_ kind: ServerKind, seed: UInt64 = 1, isClientDTLSClient: Bool = true, lossPercent: Int = 0) throws {
    self.kind = kind
    network = MediaNetwork(seed: seed)
    network.lossPercent = lossPercent
    client = try Self.makeEnd(network, phone: 1)
    server = try Self.makeEnd(network, phone: 2)
    open(isClientDTLSClient: isClientDTLSClient)
    connectTracks()
  }

  private static func makeEnd(_ network: MediaNetwork, phone number: UInt32) throws -> End {
    let host = try network.addHost()
    let room = network.openRoom(on: host)
    let phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0200 + number), 4000))
    let (leg, track) = network.call(phone, into: room, on: host)
    return End(
      host: host, room: room, phone: phone, leg: leg, track: track, id: TransportID(rawValue: network.makeID()))
  }

  private func candidate(_ endpoint: Endpoint) -> ICECandidate {
    ICECandidate(foundation: "1", priority: ICECandidate.priority(of: .host), endpoint: endpoint)
  }

  var serverCandidates: [ICECandidate] {
    [candidate(server.port.isWebRTC ? server.host.outside[.webRTC] ?? Self.serverEndpoint : Self.serverEndpoint)]
  }

  private func open(isClientDTLSClient: Bool) {
    var ofServer = TransportConfiguration(
      id: server.id, room: server.room, credentials: server.credentials, remoteUfrag: client.credentials.ufrag,
      remoteFingerprints: [client.host.identity.fingerprint], isDTLSClient: !isClientDTLSClient)
    switch kind {
    case .lite: network.perform(.openTransport(ofServer), on: server.host)
    case .full:
      ofServer.ice = .full(ICEPeer(isControlling: false, remotePassword: client.credentials.password))
      server.port = network.openTransport(ofServer, at: Self.serverEndpoint, on: server.host)
    }
    let ofClient = TransportConfiguration(
      id: client.id, room: client.room, credentials: client.credentials, remoteUfrag: server.credentials.ufrag,
      ice: .full(
        ICEPeer(
          isControlling: true, remotePassword: server.credentials.password, remoteCandidates: serverCandidates)),
      remoteFingerprints: [server.host.identity.fingerprint], isDTLSClient: isClientDTLSClient)
    client.port = network.openTransport(ofClient, at: Self.clientEndpoint, on: client.host)
  }

  /// Each side publishes its phone, and hears the other's.
  private func connectTracks() {
    for (from, to, ssrc) in [(client, server, 1001), (server, client, 2002)] as [(End, End, UInt32)] {
      let send = SendTrack(ssrc: ssrc, payloadType: 111, mid: "0", midExtensionID: 4, levelExtensionID: 1)
      network.perform(.subscribe(from.id, from.track, send), on: from.host)
      let receive = ReceiveTrack(
        ssrc: ssrc, mid: "0", payloadType: 111, levelExtensionID: 1, midExtensionID: 4)
      network.perform(.publishTrack(to.id, TrackID(rawValue: network.makeID()), receive), on: to.host)
    }
  }

  var isConnected: Bool {
    [client, server].allSatisfy { end in
      end.host.events.contains { if case .transportConnected(end.id) = $0 { true } else { false } }
    }
  }

  /// Connects in virtual time, OpenSSL's clock put forward with it.
  func connect(within limit: Duration = .seconds(10)) -> Duration? {
    network.run(until: { isConnected }, within: limit) { if network.lossPercent > 0 { cwallclock_advance(10_000) } }
  }

  /// Both phones speak, a tone each.
  func talk(_ duration: Duration) {
    network.run(duration) { tick in
      guard tick % 2 == 0 else { return }
      for (end, hz) in [(client, 700), (server, 1200)] as [(End, Double)] {
        let samples = Sound.tone(hz: hz, count: 160, from: frame * 160)
        network.send(end.phone.packet(samples), from: end.phone, to: end.host)
      }
      frame += 1
    }
  }

  /// Whether each phone hears the other's tone, and not its own, in the last `duration` of a talk.
  func bothHear(_ duration: Duration = .seconds(1)) -> Bool {
    client.phone.forgetPackets()
    server.phone.forgetPackets()
    talk(duration)
    return Sound.decibels(client.phone.heard, hz: 1200) > -20 && Sound.decibels(server.phone.heard, hz: 700) > -20
      && Sound.decibels(client.phone.heard, hz: 700) < -40
  }

  func restart() {
    client.credentials = .random()
    server.credentials = .random()
    let ofClient = ICERemote(ufrag: client.credentials.ufrag, password: client.credentials.password)
    let ofServer = ICERemote(
      ufrag: server.credentials.ufrag, password: server.credentials.password, candidates: serverCandidates)
    network.perform(.restartICE(server.id, server.credentials, remote: ofClient), on: server.host)
    network.perform(.restartICE(client.id, client.credentials, remote: ofServer), on: client.host)
  }

  func failure(_ end: End) -> TransportFailure? {
    for case .transportFailed(end.id, let reason) in end.host.events { return reason }
    return nil
  }

  var interruptionCount: Int {
    client.host.count { if case .transportInterrupted(client.id) = $0 { true } else { false } }
  }

  var resumptionCount: Int {
    client.host.count { if case .transportResumed(client.id) = $0 { true } else { false } }
  }
}

@Suite("A transport to another server")
struct ClientTransportTests {
  @Test(
    "it connects in either DTLS role, and sound passes both ways", arguments: Bridge.ServerKind.allCases, [true, false])
  private func connects(kind: Bridge.ServerKind, isDTLSClient: Bool) throws {
    let bridge = try Bridge(kind, isClientDTLSClient: isDTLSClient)
    let time = try #require(bridge.connect())
    #expect(time <= .milliseconds(200))
    bridge.talk(.seconds(1))
    #expect(bridge.bothHear())
    #expect(bridge.interruptionCount == 0)
  }

  @Test("it connects through 20 % of loss", arguments: Bridge.ServerKind.allCases)
  private func loss(kind: Bridge.ServerKind) throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let bridge = try Bridge(kind, seed: seed, isClientDTLSClient: seed % 2 == 0, lossPercent: 20)
      #expect(bridge.connect(within: .seconds(20)) != nil, "seed \(seed)")
      bridge.talk(.seconds(1))
      #expect(bridge.bothHear(), "seed \(seed)")
    }
  }

  @Test("a path cut for three seconds is not worth a word", arguments: Bridge.ServerKind.allCases)
  private func shortCut(kind: Bridge.ServerKind) throws {
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
  private func longCut(kind: Bridge.ServerKind) throws {
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

  @Test("a path cut for sixty seconds fails after thirty, on both sides", arguments: Bridge.ServerKind.allCases)
  private func endlessCut(kind: Bridge.ServerKind) throws {
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
  private func restart(kind: Bridge.ServerKind) throws {
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
  private func clientMoves(kind: Bridge.ServerKind) throws {
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
