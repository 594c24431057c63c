/// A call that we place.
public struct OutgoingInvite: Sendable {
  /// Request-URI and To: `sip:user@host[:port][;transport=tcp]`.
  public var uri: String
  /// From as a name-addr or URI, without a tag.
  public var from: String
  /// To, when it differs from `uri`.
  public var to: String?
  /// Where to send the request instead of where the URI points.
  public var proxy: String?
  /// Our SDP offer.
  public var sdp: String
  public var headers: [SIPHeader]
  /// Answers 401 and 407 once per realm (RFC 3261 §22).
  public var credentials: SIPCredentials?

  public init(
    uri: String, from: String, to: String? = nil, proxy: String? = nil, sdp: String, headers: [SIPHeader] = [],
    credentials: SIPCredentials? = nil
  ) {
    self.uri = uri
    self.from = from
    self.to = to
    self.proxy = proxy
    self.sdp = sdp
    self.headers = headers
    self.credentials = credentials
  }
}

/// User name and password for digest (RFC 7616). Never printed.
public struct SIPCredentials: Sendable, CustomStringConvertible {
  public var username: String
  public var password: String

  public init(username: String, password: String) {
    self.username = username
    self.password = password
  }

  public var description: String { "credentials" }
}
