import Base
import CWallClock
import MediaCore
import MediaTestSupport

/// A phone at a gateway that is the client of a room, and a phone in that room: two engines and the network between.
final class Bridge {
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
    let phonePort: MediaPort
    /// Of the other side's phone.
    let remoteTrack: TrackID
  }

  static let clientEndpoint = Endpoint(IPAddress(v4: 0xCB00_7101), 20_000)
  static let serverEndpoint = Endpoint(IPAddress(v4: 0xC633_6401), 50_000)

  let network: MediaNetwork
  let kind: ServerKind
  var client: End
  var server: End
  private var frame = 0

  init(
    _ kind: ServerKind, seed: UInt64 = 1, isClientDTLSClient: Bool = true, lossPercent: Int = 0,
    hasStream: Bool = false, isCutForDatagrams: Bool = false
  ) throws {
    self.kind = kind
    network = MediaNetwork(seed: seed)
    network.lossPercent = lossPercent
    network.isCutForDatagrams = isCutForDatagrams
    client = try Self.makeEnd(network, phone: 1)
    server = try Self.makeEnd(network, phone: 2)
    if hasStream { server.host.streamListener = Self.serverStreamEndpoint }
    open(isClientDTLSClient: isClientDTLSClient)
    connectTracks()
  }

  private static func makeEnd(_ network: MediaNetwork, phone number: UInt32) throws -> End {
    let host = try network.addHost()
    let room = network.openRoom(on: host)
    let phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0200 + number), 4000))
    let call = network.call(phone, into: room, on: host)
    return End(
      host: host, room: room, phone: phone, leg: call.leg, track: call.track,
      id: TransportID(rawValue: network.makeID()), phonePort: call.port,
      remoteTrack: TrackID(rawValue: network.makeID()))
  }

  private func candidate(_ endpoint: Endpoint) -> ICECandidate {
    ICECandidate(foundation: "1", priority: ICECandidate.priority(of: .host), endpoint: endpoint)
  }

  static let serverStreamEndpoint = Endpoint(IPAddress(v4: 0xC633_6401), 7881)

  var serverCandidates: [ICECandidate] {
    guard let listener = server.host.streamListener else { return [serverCandidate] }
    var stream = candidate(listener)
    stream.transport = .tcpPassive
    return [serverCandidate, stream]
  }

  private var serverCandidate: ICECandidate {
    candidate(server.port.isWebRTC ? server.host.outside[.webRTC] ?? Self.serverEndpoint : Self.serverEndpoint)
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
      network.perform(.publishTrack(to.id, to.remoteTrack, receive), on: to.host)
    }
  }

  var isConnected: Bool {
    [client, server].allSatisfy { end in
      end.host.events.contains { if case .transportConnected(end.id) = $0 { true } else { false } }
    }
  }

  /// Connects in virtual time, OpenSSL's clock put forward with it.
  func connect(within limit: Duration = .seconds(10)) -> Duration? {
    let advance = { if self.network.lossPercent > 0 { cwallclock_advance(10_000) } }
    return network.run(until: { isConnected }, within: limit, advance)
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
