public import Base

/// Names one INVITE and the dialog that it makes, for the life of the agent. Never used twice.
public struct InviteID: Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public var description: String { "invite-\(rawValue)" }
}

/// An INVITE outside a dialog, copied out of the stack. It has passed the syntax, method, Max-Forwards, Require and
/// Content-Type checks.
public struct IncomingInvite: Sendable {
  public var id: InviteID
  public var callID: String
  public var sequenceNumber: UInt32
  public var requestURI: SIPURI
  public var from: SIPAddress
  public var to: SIPAddress
  public var contact: SIPAddress?
  /// Nearest hop first; the first carries the `received` and `rport` that the agent wrote.
  public var via: [SIPVia]
  /// Where the packet came from.
  public var source: Endpoint
  public var transport: SIPTransport
  /// The address of ours that the INVITE was sent to, as announced in Contact.
  public var local: Endpoint
  /// Every header line in order.
  public var headers: [SIPHeader]
  /// The SDP offer. Empty: a delayed offer, the answer comes with `SIPEvent.acknowledged`.
  public var body: [UInt8]
  /// The message as received, for logs and captures.
  public var raw: [UInt8]
  /// The call whose place this one asks to take. An INVITE whose Replaces names no call of ours has been answered by the
  /// agent: 481, or 486 when it wanted a ringing one.
  public var replaces: ReplacedInvite?

  public init(
    id: InviteID, callID: String, sequenceNumber: UInt32, requestURI: SIPURI, from: SIPAddress, to: SIPAddress,
    contact: SIPAddress?, via: [SIPVia], source: Endpoint, transport: SIPTransport, local: Endpoint,
    headers: [SIPHeader], body: [UInt8], raw: [UInt8], replaces: ReplacedInvite? = nil
  ) {
    self.id = id
    self.callID = callID
    self.sequenceNumber = sequenceNumber
    self.requestURI = requestURI
    self.from = from
    self.to = to
    self.contact = contact
    self.via = via
    self.source = source
    self.transport = transport
    self.local = local
    self.headers = headers
    self.body = body
    self.raw = raw
    self.replaces = replaces
  }

  /// Each Proxy-Authorization value (RFC 3261 §22.3).
  public var proxyAuthorization: [String] { headers.all("Proxy-Authorization") }
  /// Each Authorization value.
  public var authorization: [String] { headers.all("Authorization") }
  public var userAgent: String? { headers.first("User-Agent") }
}
