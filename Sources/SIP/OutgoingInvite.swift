import Telephony

/// A call that we place (`SIPAgent.invite`).
///
/// The agent adds what is not here: Via, CSeq, Max-Forwards, Contact, Allow, User-Agent, and credentials for challenges.
public struct OutgoingInvite: Sendable {
  /// Request-URI, and To unless `to` is given: `sip:user@host[:port][;parameters]`.
  public var uri: String
  /// From as a name-addr or URI, without a tag. `OutboundCallPlan.localHostPlaceholder` in it becomes the address that
  /// the agent announces towards the target.
  public var from: String
  /// The tag of From, by which the dialog is known to us. Nil: a random one.
  public var fromTag: String?
  /// Nil: a random one.
  public var callID: String?
  /// To, when it differs from `uri`; without a tag.
  public var to: String?
  /// Where the request is sent, looked up by RFC 3263. Nil: the host of the first of `routes`, else of `uri`.
  public var target: SIPHostPort?
  /// `auto`: the `transport` parameter of the URI that names the target, else what SRV records say, else UDP. `tls` is not
  /// spoken: the call fails with `invalid`.
  public var transport: TrunkTransport
  /// Values of Route, in order: `<sip:proxy.example.com;lr>`. They go out as they stand, all of them.
  public var routes: [String]
  /// Our SDP offer.
  public var sdp: String
  /// Sent with every attempt of the INVITE.
  public var headers: [SIPHeader]
  /// For 401 and 407, of this INVITE and of later requests in its dialog.
  public var credentials: SIPCredentials?
  /// From the call of `invite` until a final response; then CANCEL is sent, and `.failed` tells `ringingTimeout`. Nil: the
  /// handler keeps the time.
  public var ringingTimeout: Duration?

  public init(
    uri: String, from: String, fromTag: String? = nil, callID: String? = nil, to: String? = nil,
    target: SIPHostPort? = nil, transport: TrunkTransport = .auto, routes: [String] = [], sdp: String,
    headers: [SIPHeader] = [], credentials: SIPCredentials? = nil, ringingTimeout: Duration? = nil
  ) {
    self.uri = uri
    self.from = from
    self.fromTag = fromTag
    self.callID = callID
    self.to = to
    self.target = target
    self.transport = transport
    self.routes = routes
    self.sdp = sdp
    self.headers = headers
    self.credentials = credentials
    self.ringingTimeout = ringingTimeout
  }
}

/// User name and password for digest (RFC 7616). Never printed.
public struct SIPCredentials: Sendable, CustomStringConvertible, CustomReflectable {
  public var username: String
  public var password: String

  public init(username: String, password: String) {
    self.username = username
    self.password = password
  }

  public var description: String { "credentials" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Why `SIPReply` was made up on our side: nothing, or nothing usable, was received.
public enum SIPLocalFailure: Hashable, Sendable {
  /// The request could not be made of what was given: a URI, a header, a transport that is not spoken. Status 400.
  case invalid
  /// The target's name has no address, or DNS did not answer in time. Status 502.
  case unresolved
  /// No target could be connected to or sent to. Status 503.
  case unreachable
  /// No target answered at all within timer B. Status 408.
  case noResponse
  /// `OutgoingInvite.ringingTimeout`. Status 408.
  case ringingTimeout
  /// We cancelled; the INVITE was never answered, or its 200 crossed the CANCEL and was acknowledged and hung up. Status
  /// 487.
  case cancelled
  /// Another exchange of the dialog is open, or the call is not established. Status 491.
  case pending
  /// There is no call of this id, or it has ended. Status 481.
  case noCall
}
