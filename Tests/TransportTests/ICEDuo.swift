import Base
import Testing

@testable import Transport

/// Two agents of which one at least is full, on a network.
final class ICEDuo {
  enum Kind: CaseIterable, Sendable { case fullToLite, fullToFull }

  static let clientEndpoint = Endpoint(IPAddress(v4: 0xC000_0201), 4000)
  static let serverEndpoint = Endpoint(IPAddress(v4: 0xC633_6401), 7882)
  static let host = ICEBaseID(rawValue: 0)

  static func candidate(_ endpoint: Endpoint, preference: UInt16 = .max) -> ICECandidate {
    ICECandidate(
      foundation: "1", priority: ICECandidate.priority(of: .host, localPreference: preference), endpoint: endpoint)
  }

  let network: ICENetwork
  let client: ICENetwork.Node
  let server: ICENetwork.Node
  var clientSecrets: ICETestCredentials
  var serverSecrets: ICETestCredentials
  private var random: RandomSource

  /// The client is controlling unless told otherwise, and knows the server's candidates.
  init(
    _ kind: Kind = .fullToFull, seed: UInt64 = 1, isClientControlling: Bool = true, isServerControlling: Bool = false,
    serverCandidates: [ICECandidate] = [ICEDuo.candidate(ICEDuo.serverEndpoint)], clientCandidates: [ICECandidate] = []
  ) throws {
    random = .seeded(seed)
    network = ICENetwork(seed: seed)
    clientSecrets = ICETestCredentials(&random)
    serverSecrets = ICETestCredentials(&random)
    var full = try #require(
      ICEAgent(
        localFragment: clientSecrets.fragment, localPassword: clientSecrets.password,
        remoteFragment: serverSecrets.fragment.description, remotePassword: serverSecrets.password,
        isControlling: isClientControlling, tieBreaker: random.next(), random: .seeded(random.next())))
    full.add(ICEBase(id: Self.host))
    full.addRemoteCandidates(serverCandidates)
    client = ICENetwork.Node(.full(full), outside: [Self.host: Self.clientEndpoint])
    switch kind {
    case .fullToLite:
      let lite = try #require(
        ICELiteAgent(
          localFragment: serverSecrets.fragment, localPassword: serverSecrets.password,
          remoteFragment: clientSecrets.fragment.description))
      server = ICENetwork.Node(.lite(lite), outside: [Self.host: Self.serverEndpoint])
    case .fullToFull:
      var other = try #require(
        ICEAgent(
          localFragment: serverSecrets.fragment, localPassword: serverSecrets.password,
          remoteFragment: clientSecrets.fragment.description, remotePassword: clientSecrets.password,
          isControlling: isServerControlling, tieBreaker: random.next(), random: .seeded(random.next())))
      other.add(ICEBase(id: Self.host))
      other.addRemoteCandidates(clientCandidates)
      server = ICENetwork.Node(.full(other), outside: [Self.host: Self.serverEndpoint])
    }
    network.add(client)
    network.add(server)
  }

  var isAgreed: Bool {
    guard client.full?.isNominated == true else { return false }
    return switch server.agent {
    case .lite(let agent): agent.isNominated
    case .full(let agent): agent.isNominated
    }
  }

  /// Both get new credentials, the client learns of the server's candidates again.
  func restart(serverCandidates: [ICECandidate] = [ICEDuo.candidate(ICEDuo.serverEndpoint)]) {
    clientSecrets = ICETestCredentials(&random)
    serverSecrets = ICETestCredentials(&random)
    let now = network.now
    _ = client.with {
      $0.restart(
        localFragment: clientSecrets.fragment, localPassword: clientSecrets.password,
        remoteFragment: serverSecrets.fragment.description, remotePassword: serverSecrets.password,
        candidates: serverCandidates, at: now)
    }
    switch server.agent {
    case .lite(var agent):
      _ = agent.restart(
        localFragment: serverSecrets.fragment, localPassword: serverSecrets.password,
        remoteFragment: clientSecrets.fragment.description)
      server.agent = .lite(agent)
    case .full:
      _ = server.with {
        $0.restart(
          localFragment: serverSecrets.fragment, localPassword: serverSecrets.password,
          remoteFragment: clientSecrets.fragment.description, remotePassword: clientSecrets.password,
          candidates: [], at: now)
      }
    }
  }

  /// The longest time that either full agent has gone without consent.
  var silence: Duration {
    let times = [client.full?.lastConsent, server.full?.lastConsent].compactMap { $0 }
    return times.map { network.now - $0 }.max() ?? .zero
  }
}
