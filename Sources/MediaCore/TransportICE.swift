import Base
import Transport

/// The ICE agent of one transport, lite or full, at an address of its own.
struct TransportICE: ~Copyable {
  private enum Agent {
    case lite(UnsafeMutablePointer<ICELiteAgent>)
    case full(UnsafeMutablePointer<FullICE>)
  }

  /// Where a lite agent has packets go.
  private var liteRoute: ICERoute?
  private let agent: Agent

  /// Nil when the configuration does not hold together.
  init?(_ configuration: TransportConfiguration, ports: TransportPorts, at now: MonotonicTime) {
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
        let full = ICEAgent(
          localFragment: fragment, localPassword: credentials.password, remoteFragment: remoteUfrag,
          remotePassword: peer.remotePassword, isControlling: peer.isControlling, tieBreaker: peer.tieBreaker)
      else { return nil }
      agent = .full(
        .make(
          FullICE(full, peer, servers: configuration.iceServers, id: configuration.id, ports: ports, at: now)))
    }
  }

  deinit {
    switch agent {
    case .lite(let agent): agent.destroy()
    case .full(let agent): agent.destroy()
    }
  }

  /// Nil for a lite agent.
  var full: UnsafeMutablePointer<FullICE>? {
    switch agent {
    case .lite: nil
    case .full(let agent): agent
    }
  }

  var isLite: Bool { full == nil }

  /// Where packets go. Nil before the first check, and while there is no way.
  var route: ICERoute? {
    switch agent {
    case .lite: liteRoute
    case .full(let agent): agent.pointee.route
    }
  }

  var localFragment: ICEFragment {
    switch agent {
    case .lite(let agent): agent.pointee.localFragment
    case .full(let agent): agent.pointee.agent.localFragment
    }
  }

  /// When the peer last showed that it wants our packets. Nil before the first time.
  var lastConsent: MonotonicTime? {
    switch agent {
    case .lite(let agent): agent.pointee.lastValidCheck
    case .full(let agent): agent.pointee.agent.lastConsent
    }
  }

  /// When the peer last answered a check of a full agent on the path in use.
  var lastResponse: MonotonicTime? { full?.pointee.agent.lastResponse }

  /// Takes a STUN datagram for a lite agent and writes the response, which goes back to `source`. Zero when it deserves
  /// none.
  mutating func receive(
    _ datagram: RawSpan, from source: Endpoint, at now: MonotonicTime, response: inout MutableRawSpan
  ) -> Int {
    guard case .lite(let agent) = agent else { return 0 }
    let answer = agent.pointee.receive(datagram, from: source, now: now, response: &response)
    liteRoute = agent.pointee.selected.map { ICERoute(port: .webRTC, destination: $0, isDirect: true) }
    guard case .respond(let byteCount) = answer else { return 0 }
    return byteCount
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
      return agent.pointee.restart(fragment, credentials, remote: remote, at: now)
    }
  }
}
