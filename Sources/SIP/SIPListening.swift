import Base
import CSofia
import Linux

extension IPAddress {
  /// RFC 3927 and RFC 4291 §2.5.6 addresses, good on one link.
  var isLinkLocal: Bool { isIPv4 ? v4Bits >> 16 == 0xA9FE : high >> 54 == 0x3FA }
}

/// Binds what a configuration asks for.
struct SIPListening {
  typealias Listener = (transport: SIPTransport, endpoint: Endpoint)

  /// Tries when the port is the system's to pick: one that is free for UDP may be taken for TCP.
  private static let portAttempts = 16

  let configuration: SIPAgentConfiguration
  let agentID: UInt64

  init(_ configuration: SIPAgentConfiguration, agentID: UInt64) {
    self.configuration = configuration
    self.agentID = agentID
  }

  @SIPActor
  func open() throws(SIPAgentError) -> (OpaquePointer, [Listener]) {
    let addresses = configuration.listenAddresses.flatMap(Self.expanded)
    guard !addresses.isEmpty, !configuration.transports.isEmpty else {
      throw SIPAgentError("no address or transport to listen on")
    }
    if configuration.port != 0 { return try bind(addresses, configuration.port) }
    var failure = SIPAgentError("no free port")
    for _ in 0..<Self.portAttempts {
      guard let port = LocalAddress.freePort(addresses[0]) else { continue }
      do { return try bind(addresses, port) } catch { failure = error }
    }
    throw failure
  }

  @SIPActor
  private func bind(_ addresses: [IPAddress], _ port: UInt16) throws(SIPAgentError) -> (OpaquePointer, [Listener]) {
    let transports = SIPTransport.allCases.filter(configuration.transports.contains)
    let listeners = addresses.flatMap { address in transports.map { ($0, Endpoint(address, port)) } }
    var agent: OpaquePointer?
    for (transport, endpoint) in listeners {
      let isBound: Bool
      if let agent {
        isBound = add((transport, endpoint), to: agent)
      } else {
        agent = create(url(transport, endpoint), ident: endpoint.address.description)
        isBound = agent != nil
      }
      guard isBound else {
        if let agent { csofia_agent_close(agent) }
        throw SIPAgentError("cannot bind \(transport.rawValue) \(endpoint)")
      }
    }
    guard let agent else { throw SIPAgentError("no transport to listen on") }
    csofia_agent_start(agent)
    return (agent, listeners)
  }

  @SIPActor
  private func create(_ url: String, ident: String) -> OpaquePointer? {
    var options = csofia_options()
    options.max_message_byte_count = UInt32(clamping: configuration.maxMessageByteCount)
    options.tcp_idle_milliseconds = UInt32(clamping: configuration.tcpIdleTimeout.wholeMilliseconds)
    options.tcp_partial_milliseconds = UInt32(clamping: configuration.partialMessageTimeout.wholeMilliseconds)
    options.max_tcp_connections = UInt32(clamping: configuration.maxTCPConnections)
    options.max_tcp_connections_per_source = UInt32(clamping: configuration.maxTCPConnectionsPerSource)
    options.t1_milliseconds = UInt32(clamping: configuration.t1.wholeMilliseconds)
    return configuration.userAgent.withCString { userAgent in
      options.user_agent = userAgent
      return withUnsafePointer(to: SIPAgentTable.handlers) {
        csofia_agent_create(SIPThread.shared.loop, agentID, url, ident, &options, $0)
      }
    }
  }

  /// Via names the announced address, the socket is bound to the other one.
  private func url(_ transport: SIPTransport, _ endpoint: Endpoint) -> String {
    let isIPv4 = endpoint.address.isIPv4
    let announced = isIPv4 ? configuration.announcedAddress : configuration.announcedIPv6Address
    let host = endpoint.address.uriHost
    return "sip:\(announced?.uriHost ?? host):\(endpoint.port);maddr=\(host);transport=\(transport.rawValue)"
  }

  /// `0.0.0.0` and `::` become the addresses that the machine has now: a reply then leaves from the address that the
  /// request came to, and IPv6 sockets do not collide with those for IPv4. Link-local addresses are left out, a SIP URI
  /// cannot carry their zone; so is one that cannot be bound yet.
  static func expanded(_ address: IPAddress) -> [IPAddress] {
    guard address.isUnspecified else { return [address] }
    var found: [IPAddress] = []
    for candidate in LocalAddress.all()
    where candidate.isIPv4 == address.isIPv4 && !candidate.isLinkLocal && !found.contains(candidate)
      && LocalAddress.freePort(candidate) != nil
    { found.append(candidate) }
    return found
  }

  /// What `open` would bind now and `listeners` does not hold.
  func missing(from listeners: [Listener], port: UInt16) -> [Listener] {
    configuration.listenAddresses.filter(\.isUnspecified).flatMap(Self.expanded).flatMap { address in
      SIPTransport.allCases.filter(configuration.transports.contains).map { ($0, Endpoint(address, port)) }
    }.filter { new in !listeners.contains { $0 == new } }
  }

  @SIPActor
  func add(_ listener: Listener, to agent: OpaquePointer) -> Bool {
    csofia_agent_listen(agent, url(listener.transport, listener.endpoint), listener.endpoint.address.description)
  }
}

extension SIPAgent {
  /// The socket of ours that serves a peer.
  func listener(towards peer: Endpoint, _ transport: SIPTransport) -> Endpoint? {
    let candidates = listeners.filter {
      $0.transport == transport && $0.endpoint.address.isIPv4 == peer.address.isIPv4
    }
    if candidates.count <= 1 { return candidates.first?.endpoint }
    let address = LocalAddress.towards(peer.address)
    return candidates.first { $0.endpoint.address == address }?.endpoint ?? candidates.first?.endpoint
  }

  /// The address of ours that a peer reaches, as Contact names it.
  func announced(_ listener: Endpoint) -> Endpoint {
    let announced =
      listener.address.isIPv4 ? configuration.announcedAddress : configuration.announcedIPv6Address
    return Endpoint(announced ?? listener.address, listener.port)
  }

  /// Our Contact value.
  func contact(_ local: Endpoint, _ transport: SIPTransport) -> String {
    let user = configuration.contactUser.isEmpty ? "" : configuration.contactUser + "@"
    let parameters = transport == .tcp ? ";transport=tcp" : ""
    return "<sip:\(user)\(local.address.uriHost):\(local.port)\(parameters)>"
  }
}
