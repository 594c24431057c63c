/// How SIP reaches a trunk (`SIPTransport`).
public enum TrunkTransport: String, Hashable, Sendable, CaseIterable {
  /// What DNS says (RFC 3263), else UDP.
  case auto = "SIP_TRANSPORT_AUTO"
  case udp = "SIP_TRANSPORT_UDP"
  case tcp = "SIP_TRANSPORT_TCP"
  case tls = "SIP_TRANSPORT_TLS"

  /// Value of the URI parameter `transport`. Nil for `auto`, which writes none.
  public var parameter: String? {
    switch self {
    case .auto: nil
    case .udp: "udp"
    case .tcp: "tcp"
    case .tls: "tls"
    }
  }
}
