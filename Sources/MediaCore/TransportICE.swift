import Base
import Transport

/// The ICE agent of one transport, lite or full, and where it has packets go. The agent lives at an address of its own:
/// packets need `route` alone.
struct TransportICE: ~Copyable {
  private enum Agent {
    case lite(UnsafeMutablePointer<ICELiteAgent>)
    case full(UnsafeMutablePointer<ICEAgent>)
  }

  /// Where a datagram goes, and by which socket.
  struct Route: Hashable {
    var port: MediaPort
    var destination: Endpoint
  }

  /// Nil before the first check.
  private(set) var route: Route?
  private let agent: Agent
  private let ports: TransportPorts

  private static let v4 = ICEBaseID(rawValue: 0)
  private static let v6 = ICEBaseID(rawValue: 1)

  /// Nil when the configuration does not hold together.
  init?(_ configuration: TransportConfiguration, ports: TransportPorts) {
    let credentials = configuration.credentials
    guard let fragment = ICEFragment(credentials.ufrag) else { return nil }
    switch configuration.ice {
    case .lite:
      guard
        let lite = ICELiteAgent(
          localFragment: fragment, localPassword: credentials.password, remoteFragment: configuration.remoteUfrag)
      else { return nil }
      agent = .lite(.make(lite))
    case .full(let peer):
      guard let remoteUfrag = configuration.remoteUfrag,
        var full = ICEAgent(
          localFragment: fragment, localPassword: credentials.password, remoteFragment: remoteUfrag,
          remotePassword: peer.remotePassword, isControlling: peer.isControlling, tieBreaker: peer.tieBreaker)
      else { return nil }
      if ports.v4 != nil { full.add(ICEBase(id: Self.v4)) }
      if ports.v6 != nil { full.add(ICEBase(id: Self.v6, isIPv4: false)) }
      full.addRemoteCandidates(peer.remoteCandidates)
      agent = .full(.make(full))
    }
    self.ports = ports
  }

  deinit {
    switch agent {
    case .lite(let agent): agent.destroy()
    case .full(let agent): agent.destroy()
    }
  }

  var isLite: Bool {
    switch agent {
    case .lite: true
    case .full: false
    }
  }

  var localFragment: ICEFragment {
    switch agent {
    case .lite(let agent): agent.pointee.localFragment
    case .full(let agent): agent.pointee.localFragment
    }
  }

  /// When the peer last showed that it wants our packets. Nil before the first time.
  var lastConsent: MonotonicTime? {
    switch agent {
    case .lite(let agent): agent.pointee.lastValidCheck
    case .full(let agent): agent.pointee.lastConsent
    }
  }

  /// When the peer last answered a check of a full agent on the path in use.
  var lastResponse: MonotonicTime? {
    switch agent {
    case .lite: nil
    case .full(let agent): agent.pointee.lastResponse
    }
  }

  /// Takes a STUN datagram and writes the response, if it deserves one.
  mutating func receive(
    _ datagram: RawSpan, from source: Endpoint, at now: MonotonicTime, response: inout MutableRawSpan
  ) -> ICEAgent.Answer {
    switch agent {
    case .lite(let agent):
      let answer = agent.pointee.receive(datagram, from: source, now: now, response: &response)
      route = agent.pointee.selected.flatMap { route(over: ICEPath(Self.base(for: $0), $0)) }
      guard case .respond(let byteCount) = answer else { return .ignore }
      return .respond(byteCount: byteCount)
    case .full(let agent):
      let answer = agent.pointee.receive(
        datagram, over: ICEPath(Self.base(for: source), source), at: now, response: &response)
      route = agent.pointee.selected.flatMap { route(over: $0) }
      return answer
    }
  }

  /// Writes the check of a full agent that is due, if any. Call it until it returns nil, each 20 ms.
  mutating func nextCheck(
    at now: MonotonicTime, into buffer: inout MutableRawSpan
  ) -> (byteCount: Int, route: Route)? {
    guard case .full(let agent) = agent else { return nil }
    while let check = agent.pointee.nextCheck(at: now, into: &buffer) {
      if let route = route(over: check.path) { return (check.byteCount, route) }
    }
    return nil
  }

  mutating func addRemoteCandidates(_ candidates: [ICECandidate]) {
    if case .full(let agent) = agent { agent.pointee.addRemoteCandidates(candidates) }
  }

  /// False, and nothing changes, unless the credentials are usable.
  mutating func restart(_ credentials: ICECredentials, remote: ICERemote?, at now: MonotonicTime) -> Bool {
    guard let fragment = ICEFragment(credentials.ufrag) else { return false }
    switch agent {
    case .lite(let agent):
      return agent.pointee.restart(
        localFragment: fragment, localPassword: credentials.password, remoteFragment: remote?.ufrag)
    case .full(let agent):
      guard let remote else { return false }
      return agent.pointee.restart(
        localFragment: fragment, localPassword: credentials.password, remoteFragment: remote.ufrag,
        remotePassword: remote.password, candidates: remote.candidates, at: now)
    }
  }

  private func route(over path: ICEPath) -> Route? {
    ports.port(isIPv4: path.base == Self.v4).map { Route(port: $0, destination: path.remote) }
  }

  private static func base(for remote: Endpoint) -> ICEBaseID { remote.address.isIPv4 ? v4 : v6 }
}
