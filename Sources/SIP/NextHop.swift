import Base

/// Where the requests of a dialog go when its route set does not lead there.
enum NextHop {
  /// A URI to send to instead of the first Route or the Contact; nil when that is good.
  ///
  /// The peer's own words are not taken when they name an address that only makes sense behind its NAT, or a host name:
  /// names from strangers are not resolved. The place that the INVITE came from is then the way back.
  /// - Parameters:
  ///   - host: host of the first Route, or of the Contact without one.
  ///   - isRoute: whether `host` comes from the route set.
  static func override(host: String, isRoute: Bool, source: Endpoint, transport: SIPTransport) -> String? {
    guard let address = IPAddress(uriHost: host) else { return uri(source, transport) }
    let isLocal = address.isPrivate || address.isLoopback || address.isUnspecified
    guard isLocal, address != source.address else { return nil }
    // A private proxy of a private peer is a neighbour; a private Contact of another address is behind a NAT.
    let isSourceLocal = source.address.isPrivate || source.address.isLoopback
    return isRoute && isSourceLocal ? nil : uri(source, transport)
  }

  static func uri(_ endpoint: Endpoint, _ transport: SIPTransport) -> String {
    "sip:\(endpoint.address.uriHost):\(endpoint.port);transport=\(transport.rawValue);lr"
  }
}
