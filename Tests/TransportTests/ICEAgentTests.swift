import Base
import Testing

@testable import Transport

private let clientEndpoint = Endpoint(IPAddress(v4: 0xC000_0201), 4000)
private let serverEndpoint = Endpoint(IPAddress(v4: 0xC633_6401), 7882)
private let host = ICEBaseID(rawValue: 0)

private func candidate(_ endpoint: Endpoint, preference: UInt16 = .max) -> ICECandidate {
  ICECandidate(
    foundation: "1", priority: ICECandidate.priority(of: .host, localPreference: preference), endpoint: endpoint)
}

/// Two agents of which one at least is full, on a network.
private final class Pair {
  enum Kind: CaseIterable, Sendable { case fullToLite, fullToFull }

  let network: ICENetwork
  let client: ICENetwork.Node
  let server: ICENetwork.Node
  var clientSecrets: ICETestCredentials
  var serverSecrets: ICETestCredentials
  private var random: RandomSource

  /// The client is controlling unless told otherwise, and knows the server's candidates.
  init(
    _ kind: Kind = .fullToFull, seed: UInt64 = 1, isClientControlling: Bool = true, isServerControlling: Bool = false,
    serverCandidates: [ICECandidate] = [candidate(serverEndpoint)], clientCandidates: [ICECandidate] = []
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
    full.add(ICEBase(id: host))
    full.addRemoteCandidates(serverCandidates)
    client = ICENetwork.Node(.full(full), outside: [host: clientEndpoint])
    switch kind {
    case .fullToLite:
      let lite = try #require(
        ICELiteAgent(
          localFragment: serverSecrets.fragment, localPassword: serverSecrets.password,
          remoteFragment: clientSecrets.fragment.description))
      server = ICENetwork.Node(.lite(lite), outside: [host: serverEndpoint])
    case .fullToFull:
      var other = try #require(
        ICEAgent(
          localFragment: serverSecrets.fragment, localPassword: serverSecrets.password,
          remoteFragment: clientSecrets.fragment.description, remotePassword: clientSecrets.password,
          isControlling: isServerControlling, tieBreaker: random.next(), random: .seeded(random.next())))
      other.add(ICEBase(id: host))
      other.addRemoteCandidates(clientCandidates)
      server = ICENetwork.Node(.full(other), outside: [host: serverEndpoint])
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
  func restart(serverCandidates: [ICECandidate] = [candidate(serverEndpoint)]) {
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

@Suite("ICE, full agent")
struct ICEAgentTests {
  @Test("a pair is agreed in four round trips, and both send there", arguments: Pair.Kind.allCases)
  private func connects(kind: Pair.Kind) throws {
    let pair = try Pair(kind)
    let usable = try #require(pair.network.run(until: { pair.client.selected != nil }))
    #expect(usable <= .milliseconds(30))
    let agreed = try #require(pair.network.run(until: { pair.isAgreed }))
    #expect(usable + agreed <= .milliseconds(200))
    #expect(pair.client.selected == serverEndpoint)
    #expect(pair.server.selected == clientEndpoint)
    #expect(pair.client.full?.mapped == clientEndpoint)
  }

  @Test(
    "it connects through loss", arguments: Pair.Kind.allCases, [20, 50] as [Int])
  private func connectsWithLoss(kind: Pair.Kind, percent: Int) throws {
    for seed in 1...100 as ClosedRange<UInt64> {
      let pair = try Pair(kind, seed: seed)
      pair.network.lossPercent = percent
      let time = pair.network.run(until: { pair.isAgreed }, within: .seconds(30))
      #expect(time != nil, "seed \(seed)")
    }
  }

  @Test("a peer that comes up 10 s late is found, and one that never comes is checked gently")
  func latePeer() throws {
    let pair = try Pair()
    pair.network.dead = [serverEndpoint]
    pair.network.run(.seconds(10))
    #expect(pair.client.selected == nil)
    #expect((14...24).contains(pair.client.checkCount))
    pair.network.dead = []
    let time = try #require(pair.network.run(until: { pair.isAgreed }))
    #expect(time < .seconds(2))
  }

  @Test("a peer whose credentials come late is found")
  func lateCredentials() throws {
    let pair = try Pair()
    let ready = pair.server.agent
    var random = RandomSource.seeded(99)
    let strange = ICETestCredentials(&random)
    pair.server.agent = .full(
      try #require(
        ICEAgent(
          localFragment: strange.fragment, localPassword: strange.password, remoteFragment: "none",
          remotePassword: strange.password, isControlling: false, tieBreaker: 1)))
    pair.network.run(.seconds(1))
    #expect(pair.client.selected == nil)
    pair.server.agent = ready
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
  }

  @Test("the port of a peer is unknown until its check: no candidate at all is needed")
  func peerReflexive() throws {
    let pair = try Pair(
      serverCandidates: [], clientCandidates: [candidate(clientEndpoint)])
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selected == serverEndpoint)
  }

  @Test("candidates may come one by one, later")
  func trickles() throws {
    let pair = try Pair(serverCandidates: [])
    pair.network.run(.seconds(3))
    #expect(pair.client.selected == nil && pair.client.checkCount == 0)
    pair.client.with { $0.addRemoteCandidates([candidate(serverEndpoint)]) }
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(1)) != nil)
  }

  @Test("of several candidates the best one that answers is agreed", arguments: [0, 1, 2])
  func choosesBest(reachable: Int) throws {
    let endpoints = (0..<3).map { Endpoint(IPAddress(v4: 0xC633_6401 + UInt32($0)), 7882) }
    let candidates = endpoints.enumerated().map { candidate($1, preference: UInt16(1000 - $0)) }
    let pair = try Pair(serverCandidates: candidates)
    pair.network.dead = Set(endpoints[..<reachable])
    pair.server.outside = Dictionary(
      uniqueKeysWithValues: endpoints.enumerated().map { (ICEBaseID(rawValue: UInt8($0)), $1) })
    for id in 1...2 as ClosedRange<UInt8> { pair.server.with { $0.add(ICEBase(id: ICEBaseID(rawValue: id))) } }
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selected == endpoints[reachable])
    #expect(pair.server.full?.selected?.base.rawValue == UInt8(reachable))
  }

  @Test("checks are paced: 64 candidates take 64 times 50 ms")
  func pacing() throws {
    let endpoints = (0..<64).map { Endpoint(IPAddress(v4: 0xC633_6401 + UInt32($0)), 7882) }
    let pair = try Pair(serverCandidates: endpoints.map { candidate($0) })
    pair.network.dead = Set(endpoints)
    pair.network.run(.milliseconds(500))
    // Ten new ones, and those repeated that are due again.
    #expect((10...40).contains(pair.client.checkCount))
    let atOnce = pair.client.checkCount
    pair.network.run(.seconds(6))
    #expect(pair.client.checkCount - atOnce <= 64 * 7)
  }

  @Test("65 candidates are one too many, other components and other transports are passed over")
  func limits() throws {
    let pair = try Pair(serverCandidates: [])
    var other = candidate(serverEndpoint)
    other.component = 2
    var stream = candidate(serverEndpoint)
    stream.transport = .tcpPassive
    let nowhere = [Endpoint(.anyV4, 7882), Endpoint(serverEndpoint.address, 0)].map { candidate($0) }
    pair.client.with { $0.addRemoteCandidates([other, stream] + nowhere) }
    #expect(pair.client.full?.remotes.isEmpty == true)
    pair.client.with { agent in
      agent.addRemoteCandidates((1...70).map { candidate(Endpoint(serverEndpoint.address, UInt16($0))) })
      agent.addRemoteCandidates((1...70).map { candidate(Endpoint(serverEndpoint.address, UInt16($0))) })
    }
    #expect(pair.client.full?.remotes.count == 64)
    #expect(pair.client.full?.pairs.count == 64)
    #expect(pair.client.full?.droppedCount == 12)
  }

  @Test("IPv6 candidates are paired with IPv6 sockets alone")
  func families() throws {
    let v6 = Endpoint(IPAddress(v6: 0x2001_0DB8_0000_0000, 1), 7882)
    let pair = try Pair(serverCandidates: [candidate(v6), candidate(serverEndpoint)])
    #expect(pair.client.full?.pairs.map(\.path) == [ICEPath(host, serverEndpoint)])
    let second = ICEBaseID(rawValue: 1)
    pair.client.with { $0.add(ICEBase(id: second, isIPv4: false)) }
    #expect(pair.client.full?.pairs.map(\.path).last == ICEPath(second, v6))
  }
}

@Suite("ICE, roles")
struct ICERoleTests {
  @Test("two that believe to be controlling, or controlled, settle it and connect", arguments: [true, false])
  func conflict(isControlling: Bool) throws {
    for seed in 1...50 as ClosedRange<UInt64> {
      let pair = try Pair(
        seed: seed, isClientControlling: isControlling, isServerControlling: isControlling,
        clientCandidates: [candidate(clientEndpoint)])
      pair.network.lossPercent = seed % 2 == 0 ? 30 : 0
      #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(20)) != nil, "seed \(seed)")
      #expect(pair.client.full?.isControlling != pair.server.full?.isControlling, "seed \(seed)")
      #expect(pair.client.selected == serverEndpoint && pair.server.selected == clientEndpoint)
    }
  }

  @Test("the controlled side connects when the other nominates")
  func controlled() throws {
    let pair = try Pair(isClientControlling: false, isServerControlling: true)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.full?.isControlling == false)
  }
}

@Suite("ICE, consent and recovery")
struct ICEConsentTests {
  @Test("consent is renewed each second", arguments: Pair.Kind.allCases)
  private func consent(kind: Pair.Kind) throws {
    let pair = try Pair(kind)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let before = pair.client.checkCount
    var longest = Duration.zero
    pair.network.run(.seconds(100)) { longest = max(longest, pair.silence) }
    #expect((83...125).contains(pair.client.checkCount - before))
    #expect(longest <= .milliseconds(1_250))
  }

  @Test("a tenth of lost datagrams does not interrupt consent")
  func consentWithLoss() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let pair = try Pair(seed: seed)
      _ = try #require(pair.network.run(until: { pair.isAgreed }))
      pair.network.lossPercent = 10
      var longest = Duration.zero
      pair.network.run(.seconds(60)) { longest = max(longest, pair.silence) }
      #expect(longest < .seconds(5), "seed \(seed)")
    }
  }

  @Test("a round trip of two seconds is no silence")
  func longRoundTrip() throws {
    let pair = try Pair()
    pair.network.delay = .milliseconds(900)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(15)) != nil)
    pair.network.run(.seconds(10))
    var longest = Duration.zero
    pair.network.run(.seconds(60)) { longest = max(longest, pair.silence) }
    #expect(longest < .seconds(5))
    #expect(pair.client.selected == serverEndpoint)
  }

  @Test("a cut path answers again within a second of its return", arguments: [3, 10, 60])
  func cut(seconds: Int) throws {
    for kind in Pair.Kind.allCases {
      let pair = try Pair(kind)
      _ = try #require(pair.network.run(until: { pair.isAgreed }))
      pair.network.run(.seconds(5))
      pair.network.isCut = true
      let before = pair.client.checkCount
      pair.network.run(.seconds(seconds))
      #expect(pair.silence >= .seconds(seconds - 1))
      #expect(pair.client.checkCount - before <= 3 * seconds + 10)
      #expect(pair.client.selected == serverEndpoint)
      pair.network.isCut = false
      let time = try #require(pair.network.run(until: { pair.silence < .milliseconds(100) }, within: .seconds(5)))
      #expect(time <= .seconds(1))
    }
  }

  @Test("a client whose address changes is followed", arguments: Pair.Kind.allCases, [true, false])
  private func clientMoves(kind: Pair.Kind, isControlling: Bool) throws {
    guard kind == .fullToFull || isControlling else { return }
    let pair = try Pair(kind, isClientControlling: isControlling, isServerControlling: !isControlling)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let moved = Endpoint(clientEndpoint.address, 4999)
    pair.client.outside = [host: moved]
    #expect(pair.network.run(until: { pair.server.selected == moved }, within: .seconds(6)) != nil)
    pair.network.run(.seconds(5))
    #expect(pair.silence <= .seconds(4))
    #expect(pair.client.full?.mapped == moved)
  }

  @Test("a server whose address changes is followed", arguments: [true, false])
  func serverMoves(isControlling: Bool) throws {
    let pair = try Pair(isClientControlling: isControlling, isServerControlling: !isControlling)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let moved = Endpoint(serverEndpoint.address, 9999)
    pair.server.outside = [host: moved]
    #expect(pair.network.run(until: { pair.client.selected == moved }, within: .seconds(6)) != nil)
    pair.network.run(.seconds(5))
    #expect(pair.silence <= .seconds(4))
  }

  @Test("a second way takes over when the first falls silent, and the peer follows")
  func takesOver() throws {
    let pair = try Pair()
    let spare = ICEBaseID(rawValue: 1)
    let spareEndpoint = Endpoint(IPAddress(v4: 0xC000_0202), 4000)
    pair.client.with { $0.add(ICEBase(id: spare, localPreference: 10)) }
    pair.client.outside[spare] = spareEndpoint
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    #expect(pair.client.full?.selected?.base == host)
    pair.network.run(.seconds(5))
    pair.network.dead = [clientEndpoint]
    let time = try #require(
      pair.network.run(until: { pair.server.selected == spareEndpoint }, within: .seconds(8)))
    #expect(time >= .seconds(1))
    #expect(pair.network.run(until: { pair.client.full?.selected?.base == spare }, within: .milliseconds(300)) != nil)
    pair.network.run(.seconds(10))
    #expect(pair.silence <= .seconds(4))
  }

  @Test("a base that goes takes its pairs along; what is left takes over")
  func removesBase() throws {
    let pair = try Pair()
    let spare = ICEBaseID(rawValue: 1)
    pair.client.with { $0.add(ICEBase(id: spare, localPreference: 10)) }
    pair.client.outside[spare] = Endpoint(IPAddress(v4: 0xC000_0202), 4000)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    pair.client.with { $0.removeBase(host) }
    #expect(pair.network.run(until: { pair.client.full?.selected?.base == spare }, within: .seconds(8)) != nil)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(8)) != nil)
  }
}

@Suite("ICE, restart")
struct ICERestartTests {
  @Test("the old path is used until the new credentials have one", arguments: Pair.Kind.allCases)
  private func restarts(kind: Pair.Kind) throws {
    let pair = try Pair(kind)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    pair.network.run(.seconds(3))
    pair.restart()
    #expect(!pair.isAgreed)
    #expect(pair.client.selected == serverEndpoint && pair.server.selected == clientEndpoint)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selections.allSatisfy { $0.path == nil || $0.path == serverEndpoint })
    pair.network.run(.seconds(10))
    #expect(pair.silence <= .seconds(4))
  }

  @Test("a server that is elsewhere after a restart is found there", arguments: Pair.Kind.allCases)
  private func moves(kind: Pair.Kind) throws {
    let pair = try Pair(kind)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let moved = Endpoint(IPAddress(v4: 0xC633_6409), 1234)
    pair.server.outside = [host: moved]
    pair.network.run(.seconds(20))
    pair.restart(serverCandidates: [candidate(moved)])
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selected == moved)
  }

  @Test("checks with the old credentials are not answered after a restart, nor are old responses taken")
  func oldCredentials() throws {
    let pair = try Pair()
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let former = pair.client.full
    pair.restart()
    let consent = pair.client.full?.lastConsent
    pair.client.agent = .full(try #require(former))
    pair.network.run(.seconds(3))
    #expect(pair.client.full?.lastConsent ?? .zero <= consent ?? .zero)
    #expect(pair.server.full?.isNominated == false)
  }

  @Test("unusable credentials change nothing")
  func unusable() throws {
    let pair = try Pair()
    let fragment = pair.clientSecrets.fragment
    let password = pair.clientSecrets.password
    for (local, remote, remotePassword) in [
      ("short", "abcd", password), (password, "abc", password), (password, "abcd", "short"),
    ] {
      let isRestarted = pair.client.with {
        $0.restart(
          localFragment: fragment, localPassword: local, remoteFragment: remote, remotePassword: remotePassword,
          candidates: [], at: .zero)
      }
      #expect(isRestarted == false)
    }
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
  }
}
