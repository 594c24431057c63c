import Base
import Testing

@testable import Transport

@Suite("ICE, full agent")
struct ICEAgentTests {
  @Test("a pair is agreed in four round trips, and both send there", arguments: ICEDuo.Kind.allCases)
  func connects(kind: ICEDuo.Kind) throws {
    let pair = try ICEDuo(kind)
    let usable = try #require(pair.network.run(until: { pair.client.selected != nil }))
    #expect(usable <= .milliseconds(30))
    let agreed = try #require(pair.network.run(until: { pair.isAgreed }))
    #expect(usable + agreed <= .milliseconds(200))
    #expect(pair.client.selected == ICEDuo.serverEndpoint)
    #expect(pair.server.selected == ICEDuo.clientEndpoint)
    #expect(pair.client.full?.mapped == ICEDuo.clientEndpoint)
  }

  @Test(
    "it connects through loss", arguments: ICEDuo.Kind.allCases, [20, 50] as [Int])
  func connectsWithLoss(kind: ICEDuo.Kind, percent: Int) throws {
    for seed in 1...100 as ClosedRange<UInt64> {
      let pair = try ICEDuo(kind, seed: seed)
      pair.network.lossPercent = percent
      let time = pair.network.run(until: { pair.isAgreed }, within: .seconds(30))
      #expect(time != nil, "seed \(seed)")
    }
  }

  @Test("a peer that comes up 10 s late is found, and one that never comes is checked gently")
  func latePeer() throws {
    let pair = try ICEDuo()
    pair.network.dead = [ICEDuo.serverEndpoint]
    pair.network.run(.seconds(10))
    #expect(pair.client.selected == nil)
    #expect((14...24).contains(pair.client.checkCount))
    pair.network.dead = []
    let time = try #require(pair.network.run(until: { pair.isAgreed }))
    #expect(time < .seconds(2))
  }

  @Test("a peer whose credentials come late is found")
  func lateCredentials() throws {
    let pair = try ICEDuo()
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
    let pair = try ICEDuo(
      serverCandidates: [], clientCandidates: [ICEDuo.candidate(ICEDuo.clientEndpoint)])
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selected == ICEDuo.serverEndpoint)
  }

  @Test("candidates may come one by one, later")
  func trickles() throws {
    let pair = try ICEDuo(serverCandidates: [])
    pair.network.run(.seconds(3))
    #expect(pair.client.selected == nil && pair.client.checkCount == 0)
    pair.client.with { $0.addRemoteCandidates([ICEDuo.candidate(ICEDuo.serverEndpoint)]) }
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(1)) != nil)
  }

  @Test("of several candidates the best one that answers is agreed", arguments: [0, 1, 2])
  func choosesBest(reachable: Int) throws {
    let endpoints = (0..<3).map { Endpoint(IPAddress(v4: 0xC633_6401 + UInt32($0)), 7882) }
    let candidates = endpoints.enumerated().map { ICEDuo.candidate($1, preference: UInt16(1000 - $0)) }
    let pair = try ICEDuo(serverCandidates: candidates)
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
    let pair = try ICEDuo(serverCandidates: endpoints.map { ICEDuo.candidate($0) })
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
    let pair = try ICEDuo(serverCandidates: [])
    var other = ICEDuo.candidate(ICEDuo.serverEndpoint)
    other.component = 2
    var stream = ICEDuo.candidate(ICEDuo.serverEndpoint)
    stream.transport = .tcpPassive
    let nowhere = [Endpoint(.anyV4, 7882), Endpoint(ICEDuo.serverEndpoint.address, 0)].map { ICEDuo.candidate($0) }
    pair.client.with { $0.addRemoteCandidates([other, stream] + nowhere) }
    #expect(pair.client.full?.remotes.isEmpty == true)
    pair.client.with { agent in
      agent.addRemoteCandidates((1...70).map { ICEDuo.candidate(Endpoint(ICEDuo.serverEndpoint.address, UInt16($0))) })
      agent.addRemoteCandidates((1...70).map { ICEDuo.candidate(Endpoint(ICEDuo.serverEndpoint.address, UInt16($0))) })
    }
    #expect(pair.client.full?.remotes.count == 64)
    #expect(pair.client.full?.pairs.count == 64)
    #expect(pair.client.full?.droppedCount == 12)
  }

  @Test("IPv6 candidates are paired with IPv6 sockets alone")
  func families() throws {
    let v6 = Endpoint(IPAddress(v6: 0x2001_0DB8_0000_0000, 1), 7882)
    let pair = try ICEDuo(serverCandidates: [ICEDuo.candidate(v6), ICEDuo.candidate(ICEDuo.serverEndpoint)])
    #expect(pair.client.full?.pairs.map(\.path) == [ICEPath(ICEDuo.host, ICEDuo.serverEndpoint)])
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
      let pair = try ICEDuo(
        seed: seed, isClientControlling: isControlling, isServerControlling: isControlling,
        clientCandidates: [ICEDuo.candidate(ICEDuo.clientEndpoint)])
      pair.network.lossPercent = seed % 2 == 0 ? 30 : 0
      #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(20)) != nil, "seed \(seed)")
      #expect(pair.client.full?.isControlling != pair.server.full?.isControlling, "seed \(seed)")
      #expect(pair.client.selected == ICEDuo.serverEndpoint && pair.server.selected == ICEDuo.clientEndpoint)
    }
  }

  @Test("the controlled side connects when the other nominates")
  func controlled() throws {
    let pair = try ICEDuo(isClientControlling: false, isServerControlling: true)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.full?.isControlling == false)
  }
}

@Suite("ICE, consent and recovery")
struct ICEConsentTests {
  @Test("consent is renewed each second", arguments: ICEDuo.Kind.allCases)
  func consent(kind: ICEDuo.Kind) throws {
    let pair = try ICEDuo(kind)
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
      let pair = try ICEDuo(seed: seed)
      _ = try #require(pair.network.run(until: { pair.isAgreed }))
      pair.network.lossPercent = 10
      var longest = Duration.zero
      pair.network.run(.seconds(60)) { longest = max(longest, pair.silence) }
      #expect(longest < .seconds(5), "seed \(seed)")
    }
  }

  @Test("a round trip of two seconds is no silence")
  func longRoundTrip() throws {
    let pair = try ICEDuo()
    pair.network.delay = .milliseconds(900)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(15)) != nil)
    pair.network.run(.seconds(10))
    var longest = Duration.zero
    pair.network.run(.seconds(60)) { longest = max(longest, pair.silence) }
    #expect(longest < .seconds(5))
    #expect(pair.client.selected == ICEDuo.serverEndpoint)
  }

  @Test("a cut path answers again within a second of its return", arguments: [3, 10, 60])
  func cut(seconds: Int) throws {
    for kind in ICEDuo.Kind.allCases {
      let pair = try ICEDuo(kind)
      _ = try #require(pair.network.run(until: { pair.isAgreed }))
      pair.network.run(.seconds(5))
      pair.network.isCut = true
      let before = pair.client.checkCount
      pair.network.run(.seconds(seconds))
      #expect(pair.silence >= .seconds(seconds - 1))
      #expect(pair.client.checkCount - before <= 3 * seconds + 10)
      #expect(pair.client.selected == ICEDuo.serverEndpoint)
      pair.network.isCut = false
      let time = try #require(pair.network.run(until: { pair.silence < .milliseconds(100) }, within: .seconds(5)))
      #expect(time <= .seconds(1))
    }
  }

  @Test("a client whose address changes is followed", arguments: ICEDuo.Kind.allCases, [true, false])
  func clientMoves(kind: ICEDuo.Kind, isControlling: Bool) throws {
    guard kind == .fullToFull || isControlling else { return }
    let pair = try ICEDuo(kind, isClientControlling: isControlling, isServerControlling: !isControlling)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let moved = Endpoint(ICEDuo.clientEndpoint.address, 4999)
    pair.client.outside = [ICEDuo.host: moved]
    #expect(pair.network.run(until: { pair.server.selected == moved }, within: .seconds(6)) != nil)
    pair.network.run(.seconds(5))
    #expect(pair.silence <= .seconds(4))
    #expect(pair.client.full?.mapped == moved)
  }

  @Test("a server whose address changes is followed", arguments: [true, false])
  func serverMoves(isControlling: Bool) throws {
    let pair = try ICEDuo(isClientControlling: isControlling, isServerControlling: !isControlling)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let moved = Endpoint(ICEDuo.serverEndpoint.address, 9999)
    pair.server.outside = [ICEDuo.host: moved]
    #expect(pair.network.run(until: { pair.client.selected == moved }, within: .seconds(6)) != nil)
    pair.network.run(.seconds(5))
    #expect(pair.silence <= .seconds(4))
  }

  @Test("a second way takes over when the first falls silent, and the peer follows")
  func takesOver() throws {
    let pair = try ICEDuo()
    let spare = ICEBaseID(rawValue: 1)
    let spareEndpoint = Endpoint(IPAddress(v4: 0xC000_0202), 4000)
    pair.client.with { $0.add(ICEBase(id: spare, localPreference: 10)) }
    pair.client.outside[spare] = spareEndpoint
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    #expect(pair.client.full?.selected?.base == ICEDuo.host)
    pair.network.run(.seconds(5))
    pair.network.dead = [ICEDuo.clientEndpoint]
    let time = try #require(
      pair.network.run(until: { pair.server.selected == spareEndpoint }, within: .seconds(8)))
    #expect(time >= .seconds(1))
    #expect(pair.network.run(until: { pair.client.full?.selected?.base == spare }, within: .milliseconds(300)) != nil)
    pair.network.run(.seconds(10))
    #expect(pair.silence <= .seconds(4))
  }

  @Test("a base that goes takes its pairs along; what is left takes over")
  func removesBase() throws {
    let pair = try ICEDuo()
    let spare = ICEBaseID(rawValue: 1)
    pair.client.with { $0.add(ICEBase(id: spare, localPreference: 10)) }
    pair.client.outside[spare] = Endpoint(IPAddress(v4: 0xC000_0202), 4000)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    pair.client.with { $0.removeBase(ICEDuo.host) }
    #expect(pair.network.run(until: { pair.client.full?.selected?.base == spare }, within: .seconds(8)) != nil)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(8)) != nil)
  }
}

@Suite("ICE, restart")
struct ICERestartTests {
  @Test("the old path is used until the new credentials have one", arguments: ICEDuo.Kind.allCases)
  func restarts(kind: ICEDuo.Kind) throws {
    let pair = try ICEDuo(kind)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    pair.network.run(.seconds(3))
    pair.restart()
    #expect(!pair.isAgreed)
    #expect(pair.client.selected == ICEDuo.serverEndpoint && pair.server.selected == ICEDuo.clientEndpoint)
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selections.allSatisfy { $0.path == nil || $0.path == ICEDuo.serverEndpoint })
    pair.network.run(.seconds(10))
    #expect(pair.silence <= .seconds(4))
  }

  @Test("a server that is elsewhere after a restart is found there", arguments: ICEDuo.Kind.allCases)
  func moves(kind: ICEDuo.Kind) throws {
    let pair = try ICEDuo(kind)
    _ = try #require(pair.network.run(until: { pair.isAgreed }))
    let moved = Endpoint(IPAddress(v4: 0xC633_6409), 1234)
    pair.server.outside = [ICEDuo.host: moved]
    pair.network.run(.seconds(20))
    pair.restart(serverCandidates: [ICEDuo.candidate(moved)])
    #expect(pair.network.run(until: { pair.isAgreed }, within: .seconds(2)) != nil)
    #expect(pair.client.selected == moved)
  }

  @Test("checks with the old credentials are not answered after a restart, nor are old responses taken")
  func oldCredentials() throws {
    let pair = try ICEDuo()
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
    let pair = try ICEDuo()
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
