public import Base

/// What the agent does with a request that belongs to no dialog, before any memory is spent on it.
public enum SIPAdmission: Hashable, Sendable {
  case allow
  /// Nothing is answered.
  case drop
  /// One stateless reply: no transaction is made for it.
  case reject(status: Int, reasonPhrase: String, retryAfterSeconds: Int? = nil)
}

/// What the admission closure is told: enough for a rate limiter, without a string from the message.
public struct SIPArrival: Hashable, Sendable {
  public var source: Endpoint
  public var transport: SIPTransport
  /// False for OPTIONS, REGISTER and whatever else knocks.
  public var isInvite: Bool

  public init(source: Endpoint, transport: SIPTransport, isInvite: Bool) {
    self.source = source
    self.transport = transport
    self.isInvite = isInvite
  }
}

/// How a `SIPAgent` listens, names itself and protects itself.
public struct SIPAgentConfiguration: Sendable {
  /// One UDP and one TCP socket is bound per address. `0.0.0.0` and `::` stand for all addresses of the machine of that
  /// family, link-local ones apart; those that come later are picked up within half a minute.
  public var listenAddresses: [IPAddress] = [.anyV4]
  public var transports: Set<SIPTransport> = [.udp, .tcp]
  /// UDP and TCP port. 0 picks one that is free for all of them.
  public var port: UInt16 = 5060
  /// The address written in Contact and Via for IPv4. Nil: the address that the packet was sent to.
  public var announcedAddress: IPAddress?
  /// The same for IPv6.
  public var announcedIPv6Address: IPAddress?
  /// Server and User-Agent header. Empty: none.
  public var userAgent = "Trunkline"
  /// The user part of Contact. Empty: none.
  public var contactUser = ""
  /// Says nothing to strangers: no 100, and no reply to what is malformed or belongs to no dialog.
  public var isHidden = false
  /// A TCP connection that serves no call is closed this long after its last whole message; keepalives do not count.
  public var tcpIdleTimeout: Duration = .seconds(25)
  /// A TCP connection that holds part of a message is closed when nothing more comes for this long.
  public var partialMessageTimeout: Duration = .seconds(15)
  /// TCP connections that serve no call, from all peers; newer ones are closed.
  public var maxTCPConnections = 1000
  public var maxTCPConnectionsPerSource = 50
  /// Larger messages are refused with 413. A UDP datagram cannot exceed it either.
  public var maxMessageByteCount = 64 * 1024
  /// Transactions and dialogs together; above it new INVITEs get 503 with Retry-After.
  public var maxInvites = 10_000
  /// RFC 3261 timer T1: retransmissions start with it, transactions last 64 of it.
  public var t1: Duration = .milliseconds(500)
  /// The DNS server that is asked where calls go, an IPv4 address and port. Nil: the system's resolver.
  public var nameServer: Endpoint?
  /// Whether a source belongs to a trunk, asked on the SIP thread. Others get no reply over UDP that has more bytes than
  /// their request.
  public var isKnown: @SIPActor @Sendable (IPAddress) -> Bool = { _ in true }
  /// Asked for every request inside a dialog of theirs and every CANCEL, on the SIP thread: whether this source may speak
  /// in it. In a dialog of ours those may that the INVITE was sent to, that answered it, or that the answer names.
  /// Call-ID and tags are no secrets, since rooms show them. Others get 403, and their CANCEL is dropped.
  public var mayTakePart: @SIPActor @Sendable (InviteID, IPAddress) -> Bool = { _, _ in true }
  /// Asked, on the SIP thread, for every request outside a dialog, and for one that is malformed or comes from a source
  /// that may not speak in its dialog.
  public var admit: @SIPActor @Sendable (SIPArrival) -> SIPAdmission = { _ in .allow }

  public init() {}
}
