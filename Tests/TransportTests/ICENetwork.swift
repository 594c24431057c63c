import Base

@testable import Transport

/// Agents in virtual time, and a network between them that loses, delays, translates and cuts.
final class ICENetwork {
  enum Agent {
    case lite(ICELiteAgent)
    case full(ICEAgent)
  }

  final class Node {
    var agent: Agent
    /// Where datagrams of a base come from, as everybody else sees it. Changing one is a NAT that forgot.
    var outside: [ICEBaseID: Endpoint]
    private(set) var checkCount = 0
    /// When `selected` changed.
    private(set) var selections: [(at: MonotonicTime, path: Endpoint?)] = []

    init(_ agent: Agent, outside: [ICEBaseID: Endpoint]) {
      self.agent = agent
      self.outside = outside
    }

    var full: ICEAgent? { if case .full(let agent) = agent { agent } else { nil } }

    /// Where this node sends what is not STUN.
    var selected: Endpoint? {
      switch agent {
      case .lite(let agent): agent.selected
      case .full(let agent): agent.selected?.remote
      }
    }

    func with<Result>(_ body: (inout ICEAgent) -> Result) -> Result? {
      guard case .full(var agent) = agent else { return nil }
      defer { self.agent = .full(agent) }
      return body(&agent)
    }

    fileprivate func note(at now: MonotonicTime) {
      let path = selected
      if selections.last?.path != path || selections.isEmpty { selections.append((now, path)) }
    }

    fileprivate func nextCheck(at now: MonotonicTime) -> (bytes: [UInt8], path: ICEPath)? {
      var buffer = [UInt8](repeating: 0, count: ICEAgent.maximumCheckByteCount)
      guard case .full(var agent) = agent else { return nil }
      let check = buffer.withRaw { agent.nextCheck(at: now, into: &$0) }
      self.agent = .full(agent)
      guard let check else { return nil }
      checkCount += 1
      return (Array(buffer[..<check.byteCount]), check.path)
    }

    fileprivate func receive(_ bytes: [UInt8], over path: ICEPath, at now: MonotonicTime) -> [UInt8]? {
      var response = [UInt8](repeating: 0, count: ICEAgent.maximumResponseByteCount)
      var byteCount = 0
      switch agent {
      case .lite(var agent):
        let answer = response.withRaw {
          agent.receive(bytes.span.bytes, from: path.remote, now: now, response: &$0)
        }
        if case .respond(let count) = answer { byteCount = count }
        self.agent = .lite(agent)
      case .full(var agent):
        let answer = response.withRaw { agent.receive(bytes.span.bytes, over: path, at: now, response: &$0) }
        if case .respond(let count) = answer { byteCount = count }
        self.agent = .full(agent)
      }
      return byteCount > 0 ? Array(response[..<byteCount]) : nil
    }
  }

  private struct Flight {
    var at: MonotonicTime
    var from: Endpoint
    var to: Endpoint
    var bytes: [UInt8]
  }

  private(set) var now = MonotonicTime.zero + .seconds(100)
  private(set) var nodes: [Node] = []
  var delay = Duration.milliseconds(10)
  /// Of 100 datagrams.
  var lossPercent = 0
  /// Endpoints that nothing reaches or leaves.
  var dead: Set<Endpoint> = []
  var isCut = false
  private var flights: [Flight] = []
  private var random: RandomSource

  init(seed: UInt64) { random = .seeded(seed) }

  func add(_ node: Node) { nodes.append(node) }

  /// Lets `duration` pass in steps of 10 ms.
  func run(_ duration: Duration, _ body: () -> Void = {}) {
    let end = now + duration
    while now < end {
      body()
      for node in nodes {
        while let check = node.nextCheck(at: now) { send(check.bytes, from: node, over: check.path) }
        node.note(at: now)
      }
      now += .milliseconds(10)
      while let next = flights.indices.min(by: { flights[$0].at < flights[$1].at }), flights[next].at <= now {
        deliver(flights.remove(at: next))
      }
    }
  }

  /// Runs until `condition` holds. Nil when it does not within `limit`.
  func run(until condition: () -> Bool, within limit: Duration = .seconds(60)) -> Duration? {
    let start = now
    while now - start < limit {
      if condition() { return now - start }
      run(.milliseconds(10))
    }
    return condition() ? now - start : nil
  }

  func send(_ bytes: [UInt8], from node: Node, over path: ICEPath) {
    guard let from = node.outside[path.base] else { return }
    send(bytes, from: from, to: path.remote)
  }

  func send(_ bytes: [UInt8], from: Endpoint, to: Endpoint) {
    guard !isCut, !dead.contains(from), !dead.contains(to), Int.random(in: 0..<100, using: &random) >= lossPercent
    else { return }
    flights.append(Flight(at: now + delay, from: from, to: to, bytes: bytes))
  }

  private func deliver(_ flight: Flight) {
    guard !isCut else { return }
    for node in nodes {
      for (base, outside) in node.outside where outside == flight.to {
        let path = ICEPath(base, flight.from)
        if let response = node.receive(flight.bytes, over: path, at: now) { send(response, from: node, over: path) }
        node.note(at: now)
        return
      }
    }
  }
}

/// One side's secrets, and how an agent is made of both sides'.
struct ICETestCredentials {
  var fragment: ICEFragment
  var password: String

  init(_ random: inout RandomSource) {
    fragment = ICEFragment(using: &random)
    password = ICELiteAgent.makePassword(using: &random)
  }
}
