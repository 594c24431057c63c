import Base
import MediaCore
import MediaTestSupport
import Testing

@Suite("Transports to another server under random use")
struct ClientTransportFuzzTests {
  private static func candidate(_ random: inout RandomSource) -> ICECandidate {
    ICECandidate(
      foundation: "1", component: .random(in: 1...2, using: &random),
      transport: Bool.random(using: &random) ? .udp : .tcpPassive,
      priority: UInt32.random(in: 0 ... .max, using: &random),
      endpoint: Endpoint(
        IPAddress(v4: 0x0A00_0001 + .random(in: 0...20, using: &random)), .random(in: 0...4, using: &random))
    )
  }

  @Test("any order of cuts, losses, moves, restarts and detours leaves nothing behind", arguments: 0..<10)
  func anyOrder(seed: UInt64) throws {
    var random = RandomSource.seeded(seed)
    let bridge = try Bridge(
      Bool.random(using: &random) ? .lite : .full, seed: seed, hasStream: Bool.random(using: &random))
    let network = bridge.network
    let host = bridge.client.host
    var extra: [TransportID] = []
    for _ in 0..<60 {
      switch Int.random(in: 0..<14, using: &random) {
      case 0: network.isCut.toggle()
      case 1: network.isCutForDatagrams.toggle()
      case 2: network.lossPercent = .random(in: 0...60, using: &random)
      case 3: bridge.restart()
      case 4:
        host.outside[bridge.client.port] = Endpoint(Bridge.clientEndpoint.address, .random(in: 1...9, using: &random))
      case 5: network.endStreams(of: host)
      case 6:
        let candidates = (0..<Int.random(in: 0...80, using: &random)).map { _ in Self.candidate(&random) }
        network.perform(.addRemoteCandidates(bridge.client.id, candidates), on: host)
      case 7:
        network.perform(.setComfortNoise(bridge.client.leg, Bool.random(using: &random)), on: host)
      case 8:
        let remote = Bool.random(using: &random) ? ICERemote(ufrag: "abcd", password: "short") : nil
        network.perform(.restartICE(bridge.client.id, .random(using: &random), remote: remote), on: host)
      case 9 where extra.count < 4:
        let id = TransportID(rawValue: network.makeID())
        extra.append(id)
        let peer = ICEPeer(
          isControlling: Bool.random(using: &random), remotePassword: ICECredentials.random(using: &random).password,
          remoteCandidates: (0..<5).map { _ in Self.candidate(&random) }, usesRelaysOnly: Bool.random(using: &random))
        let servers = [ICEServer.TransportProtocol.udp, .tcp, .tls].map {
          ICEServer(endpoint: Endpoint(.loopbackV4, 3478), transport: $0, name: "x", username: "u", password: "p")
        }
        let configuration = TransportConfiguration(
          id: id, room: bridge.client.room, credentials: .random(using: &random), remoteUfrag: "abcd", ice: .full(peer),
          iceServers: servers, remoteFingerprints: [bridge.server.host.identity.fingerprint],
          isDTLSClient: Bool.random(using: &random))
        _ = network.openTransport(
          configuration, at: Endpoint(Bridge.clientEndpoint.address, UInt16(30_000 + extra.count)), on: host)
      case 10: if let id = extra.randomElement(using: &random) { network.perform(.closeTransport(id), on: host) }
      case 11: network.rubbish(.random(in: 1...200, using: &random), to: bridge.client.port, of: host)
      default: network.run(.milliseconds(.random(in: 1...60, using: &random) * 50))
      }
    }
    for end in [bridge.client, bridge.server] { network.closeAll(end.host) }
    for id in [bridge.client.id] + extra {
      #expect(host.count { if case .transportClosed(id, _) = $0 { true } else { false } } == 1, "seed \(seed)")
    }
    #expect(host.legCount == 0 && host.streamCount == 0)
    // The phone's, the transport's and those of the others.
    #expect(host.closedPorts.count == 2 + extra.count)
  }
}
