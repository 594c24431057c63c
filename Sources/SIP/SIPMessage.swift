public import Base

/// One header line: the full header name as RFC 3261 spells it (compact forms are expanded) and the value as received.
public struct SIPHeader: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

extension Sequence<SIPHeader> {
  /// The value of the first header called `name`, in any case.
  public func first(_ name: String) -> String? { first { $0.isNamed(name) }?.value }

  /// The values of all headers called `name`, in any case, in the order of the message.
  public func all(_ name: String) -> [String] { compactMap { $0.isNamed(name) ? $0.value : nil } }
}

extension SIPHeader {
  func isNamed(_ other: String) -> Bool {
    name.utf8.count == other.utf8.count && zip(name.utf8, other.utf8).allSatisfy { ($0 | 0x20) == ($1 | 0x20) }
  }
}

/// What carries a SIP message (RFC 3261 §18).
public enum SIPTransport: String, Hashable, Sendable, CaseIterable {
  case udp
  case tcp
}

/// A SIP or tel URI (RFC 3261 §19.1, RFC 3966), taken apart.
public struct SIPURI: Hashable, Sendable, CustomStringConvertible {
  /// `sip`, `sips` or `tel`, in lower case.
  public var scheme: String
  /// The user part with its escapes resolved; the number of a tel URI. Empty when there is none.
  public var user: String
  /// Host name or address literal, an IPv6 address without its brackets. Empty for a tel URI.
  public var host: String
  public var port: UInt16?
  /// URI parameters as they stand in the URI, `transport=tcp;lr`, without a leading semicolon.
  public var parameters: String
  /// The whole URI as received.
  public var description: String

  public init(
    scheme: String = "sip", user: String, host: String, port: UInt16? = nil, parameters: String = "",
    description: String
  ) {
    self.scheme = scheme
    self.user = user
    self.host = host
    self.port = port
    self.parameters = parameters
    self.description = description
  }
}

/// The value of From, To or Contact: `"Display" <uri>;tag=…` (RFC 3261 §20).
public struct SIPAddress: Hashable, Sendable {
  /// The display name without quotes. Empty when there is none.
  public var displayName: String
  public var uri: SIPURI
  /// The dialog tag. Nil in the To of a first INVITE.
  public var tag: String?

  public init(displayName: String = "", uri: SIPURI, tag: String? = nil) {
    self.displayName = displayName
    self.uri = uri
    self.tag = tag
  }
}

/// One Via hop, nearest first.
public struct SIPVia: Hashable, Sendable {
  /// `UDP`, `TCP`, `TLS`… in upper case.
  public var transport: String
  public var host: String
  public var port: UInt16?
  public var received: String?
  public var rport: UInt16?
  public var branch: String

  public init(
    transport: String, host: String, port: UInt16?, received: String? = nil, rport: UInt16? = nil, branch: String
  ) {
    self.transport = transport
    self.host = host
    self.port = port
    self.received = received
    self.rport = rport
    self.branch = branch
  }
}

/// A request inside a dialog, copied out of the stack.
public struct SIPRequest: Sendable {
  public var method: String
  public var sequenceNumber: UInt32
  public var source: Endpoint
  public var transport: SIPTransport
  public var headers: [SIPHeader]
  /// Media type in lower case without parameters, `application/sdp`. Empty when there is no body.
  public var contentType: String
  public var body: [UInt8]

  public init(
    method: String, sequenceNumber: UInt32, source: Endpoint, transport: SIPTransport, headers: [SIPHeader] = [],
    contentType: String = "", body: [UInt8] = []
  ) {
    self.method = method
    self.sequenceNumber = sequenceNumber
    self.source = source
    self.transport = transport
    self.headers = headers
    self.contentType = contentType
    self.body = body
  }

  /// The Reason header of a BYE or CANCEL (RFC 3326), as received.
  public var reason: String? { headers.first("Reason") }
}

/// A response to one of our requests, copied out of the stack.
public struct SIPReply: Sendable {
  /// 100…699. Failures of our own side come with the status that `SIPLocalFailure` gives them.
  public var status: Int
  public var reasonPhrase: String
  public var headers: [SIPHeader]
  public var body: [UInt8]
  /// The tag of To; empty in a response without one.
  public var toTag: String
  /// Why nothing was received. Nil for a response of the peer.
  public var localFailure: SIPLocalFailure?

  public init(
    status: Int, reasonPhrase: String, headers: [SIPHeader] = [], body: [UInt8] = [], toTag: String = "",
    localFailure: SIPLocalFailure? = nil
  ) {
    self.status = status
    self.reasonPhrase = reasonPhrase
    self.headers = headers
    self.body = body
    self.toTag = toTag
    self.localFailure = localFailure
  }

  /// True when nothing was received and `status` tells what went wrong on our side.
  public var isLocal: Bool { localFailure != nil }
}

/// A response that we give to an INVITE or re-INVITE.
public struct SIPResponse: Sendable {
  public var status: Int
  public var reasonPhrase: String
  /// Extra headers (Warning, Retry-After, Proxy-Authenticate, X-…); Via, From, To, Call-ID, CSeq, Contact,
  /// Record-Route, Allow and Server are the agent's own.
  public var headers: [SIPHeader]
  /// An SDP body; its Content-Type is `application/sdp`.
  public var sdp: String?

  public init(_ status: Int, _ reasonPhrase: String, headers: [SIPHeader] = [], sdp: String? = nil) {
    self.status = status
    self.reasonPhrase = reasonPhrase
    self.headers = headers
    self.sdp = sdp
  }
}
