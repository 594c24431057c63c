/// One way to reach an ICE agent (RFC 8445 §5.1). Its text is in `SDP`.
public struct ICECandidate: Hashable, Sendable {
  public enum Kind: Hashable, Sendable, CaseIterable {
    case host, serverReflexive, peerReflexive, relayed

    /// RFC 8445 §5.1.2.2, recommended.
    public var typePreference: UInt32 {
      switch self {
      case .host: 126
      case .peerReflexive: 110
      case .serverReflexive: 100
      case .relayed: 0
      }
    }
  }

  /// UDP, or who opens the TCP connection (RFC 6544 §4.5).
  public enum TransportProtocol: Hashable, Sendable {
    case udp, tcpActive, tcpPassive, tcpSimultaneousOpen
  }

  /// 1…32 ICE characters; candidates with the same are likely to work or fail together.
  public var foundation: String
  /// 1 for all that we use: RTCP is multiplexed with RTP.
  public var component: Int
  public var transport: TransportProtocol
  public var priority: UInt32
  public var endpoint: Endpoint
  public var kind: Kind
  /// The base of a reflexive or relayed candidate, for diagnosis.
  public var related: Endpoint?

  public init(
    foundation: String, component: Int = 1, transport: TransportProtocol = .udp, priority: UInt32, endpoint: Endpoint,
    kind: Kind = .host, related: Endpoint? = nil
  ) {
    self.foundation = foundation
    self.component = component
    self.transport = transport
    self.priority = priority
    self.endpoint = endpoint
    self.kind = kind
    self.related = related
  }

  /// RFC 8445 §5.1.2.1 for component 1. `localPreference` is higher for what is preferred.
  public static func priority(of kind: Kind, localPreference: UInt16 = .max) -> UInt32 {
    kind.typePreference << 24 | UInt32(localPreference) << 8 | 255
  }
}
