import Base
import CLinux
import CSofia
import Glibc

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
      guard let port = Self.freePort(addresses[0]) else { continue }
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
        isBound = csofia_agent_listen(agent, url(transport, endpoint))
      } else {
        agent = create(url(transport, endpoint))
        isBound = agent != nil
      }
      guard isBound else {
        if let agent { csofia_agent_close(agent) }
        throw SIPAgentError("cannot bind \(transport.rawValue) \(endpoint)")
      }
    }
    guard let agent else { throw SIPAgentError("no transport to listen on") }
    return (agent, listeners)
  }

  @SIPActor
  private func create(_ url: String) -> OpaquePointer? {
    var options = csofia_options()
    options.is_hidden = configuration.isHidden
    options.max_message_byte_count = UInt32(clamping: configuration.maxMessageByteCount)
    options.tcp_idle_milliseconds = UInt32(clamping: configuration.tcpIdleTimeout.wholeMilliseconds)
    options.tcp_partial_milliseconds = UInt32(clamping: configuration.partialMessageTimeout.wholeMilliseconds)
    options.max_tcp_connections = UInt32(clamping: configuration.maxTCPConnections)
    options.max_tcp_connections_per_source = UInt32(clamping: configuration.maxTCPConnectionsPerSource)
    options.t1_milliseconds = UInt32(clamping: configuration.t1.wholeMilliseconds)
    return configuration.userAgent.withCString { userAgent in
      options.user_agent = userAgent
      return withUnsafePointer(to: SIPAgentTable.handlers) {
        csofia_agent_create(SIPThread.shared.loop, agentID, url, &options, $0)
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

  /// Sofia's sockets for `::` would take IPv4 as well and collide with those for `0.0.0.0`: `::` becomes the IPv6
  /// addresses that the machine has when the agent starts.
  private static func expanded(_ address: IPAddress) -> [IPAddress] {
    guard !address.isIPv4, address.isUnspecified else { return [address] }
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [IPAddress] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let socketAddress = entry.pointee.ifa_addr, Int32(socketAddress.pointee.sa_family) == AF_INET6 else {
        continue
      }
      let bytes = UnsafeRawPointer(socketAddress).advanced(by: MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8)
      let high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
      let low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      // A link-local address needs a zone that a SIP URI cannot carry.
      let isLinkLocal = high >> 54 == 0x3FA
      if !isLinkLocal, !found.contains(IPAddress(v6: high, low)) { found.append(IPAddress(v6: high, low)) }
    }
    return found
  }

  private static func freePort(_ address: IPAddress) -> UInt16? {
    let descriptor = socket(address.isIPv4 ? AF_INET : AF_INET6, Int32(clinux_udp_socket_type), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return LocalAddress.bindAnyPort(descriptor, address)
  }
}

extension SIPAgent {
  /// The address of ours that a peer reaches, as Contact names it.
  func localEndpoint(towards peer: Endpoint, _ transport: SIPTransport) -> Endpoint {
    let isIPv4 = peer.address.isIPv4
    let candidates = listeners.filter { $0.transport == transport && $0.endpoint.address.isIPv4 == isIPv4 }
    let port = candidates.first?.endpoint.port ?? listeners.first?.endpoint.port ?? 5060
    if let announced = isIPv4 ? configuration.announcedAddress : configuration.announcedIPv6Address {
      return Endpoint(announced, port)
    }
    if candidates.count == 1, let only = candidates.first, !only.endpoint.address.isUnspecified { return only.endpoint }
    return Endpoint(LocalAddress.towards(peer.address) ?? .loopbackV4, port)
  }

  /// Our Contact value.
  func contact(_ local: Endpoint, _ transport: SIPTransport) -> String {
    let user = configuration.contactUser.isEmpty ? "" : configuration.contactUser + "@"
    let parameters = transport == .tcp ? ";transport=tcp" : ""
    return "<sip:\(user)\(local.address.uriHost):\(local.port)\(parameters)>"
  }
}
