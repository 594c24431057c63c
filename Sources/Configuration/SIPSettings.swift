import Base

/// The SIP listener: `sip_port` and what stands beside it.
public struct SIPSettings: Sendable, Equatable {
  /// Announced in Contact and Via.
  public var port: UInt16 = 5060
  /// Bound; `sip_port_listen`, else `port`.
  public var listenPort: UInt16 = 5060
  /// Bound by SIP and RTP (`listen_ip`). Unspecified: every address of the machine.
  public var listenAddress = IPAddress.anyV4
  /// What Contact and Via announce.
  public var announced = AnnouncedAddress.local
  /// Time between two 180 responses (`sip_ringing_interval`).
  public var ringingInterval: Duration = .seconds(1)
  /// A source that matches no trunk gets no answer at all (`hide_inbound_port`).
  public var hidesInboundPort = false
  /// Realm of digest challenges to trunks that set no `auth_realm` (`sip_realm`).
  public var realm = "trunkline"
  /// How long a digest nonce is good (`nonce_lifetime`).
  public var nonceLifetime: Duration = .seconds(120)
  /// Asked where calls out go (`dns_server`). Nil: the machine's own resolver.
  public var nameServer: Endpoint?

  /// No IPv4 socket is bound. `::` stands for both families.
  public var listensOnIPv6Alone: Bool { !listenAddress.isIPv4 && !listenAddress.isUnspecified }

  public init() {}
}
