import Base

/// A call that will be placed: every field of the request, the trunk and the gateway's defaults decided.
public struct OutboundCallPlan: Hashable, Sendable {
  /// What the answered call becomes part of.
  public enum Placement: Hashable, Sendable {
    /// The room, as a participant.
    case room(RoomEntry)
    /// Another call of ours, outside any room (`transfer_mode: bridge`).
    case bridge(callID: String)
    /// The place of another call of ours in its room (REFER towards us).
    case takeOver(callID: String, roomName: String, identity: String)
  }

  /// Everything that makes up the INVITE but its SDP.
  public struct Invite: Hashable, Sendable {
    /// `sip:user@host[:port][;transport=tcp]`
    public var requestURI: String
    /// A name-addr without a tag. The host of From is `localHostPlaceholder` where the trunk names none.
    public var from: String
    /// A name-addr without a tag.
    public var to: String
    /// Where the request is sent, whatever the Request-URI says; looked up by RFC 3263.
    public var target: SIPHostPort
    public var transport: TrunkTransport
    /// Values of Route headers (`outbound_route_headers`); `target` is the first one's host then.
    public var routes: [String]
    /// In the order of their names; never one that the stack writes itself.
    public var headers: [CallFacts.Header]
    /// For 401 and 407. Both empty: none.
    public var username: String
    public var password: String
  }

  /// Stands in `Invite.from` for the address that the gateway announces towards the trunk.
  public static let localHostPlaceholder = "local.invalid"

  /// `SCL_…`, also the From tag.
  public var callID: String
  /// SIP Call-ID, made from `callID`; also `sip.callIDFull`.
  public var sipCallID: String
  /// Empty for a trunk that came inside the request.
  public var trunkID: String
  public var trunkLabel: String
  /// Our number.
  public var number: String
  /// The callee, as the request has it.
  public var callTo: String
  public var placement: Placement
  public var invite: Invite
  /// Users of the Request-URI and of To: what the provider may route by, so what limits look at.
  public var dialledUsers: [String]
  /// ISO 3166-1 alpha-2, of the request, else of the trunk. Empty: none given.
  public var country: String
  /// `Seattle, WA, US`: for the record. Empty: none given.
  public var destination: String
  public var limits: DialPolicy
  /// Key of the trunk's quota: its id, else its host.
  public var quotaKey: String
  public var headersToAttributes: [String: String]
  public var attributesToHeaders: [String: String]
  public var includeHeaders: HeaderInclusion
  public var hidePhoneNumber: Bool
  public var digits: DigitText
  /// Heard in the room until the answer.
  public var playDialtone: Bool
  public var waitUntilAnswered: Bool
  public var earlyMedia: Bool
  /// No processor runs here; the wish stands in the record, as with livekit-sip.
  public var krispEnabled: Bool
  public var media: MediaOptions
  public var policy: CallPolicy
  public var transfer: TransferPolicy

  /// Nil for a call without a room of its own.
  public var room: RoomEntry? {
    if case .room(let entry) = placement { entry } else { nil }
  }
}

/// What holds for all calls out.
public struct OutboundOptions: Hashable, Sendable {
  public var policy: CallPolicy
  /// `early_media`
  public var earlyMedia: Bool
  /// `outbound_route_headers`
  public var routes: [String]
  /// Requests may bring their own trunk, which dials any host with any credentials.
  public var allowsInlineTrunks: Bool
  /// SIP over TLS, SRTP: what the edges can do.
  public var hasTLS: Bool
  public var hasSRTP: Bool
  /// `PCMU/8000`
  public var phoneCodecs: [String]

  public init(
    policy: CallPolicy = CallPolicy(), earlyMedia: Bool = false, routes: [String] = [],
    allowsInlineTrunks: Bool = true, hasTLS: Bool = false, hasSRTP: Bool = false,
    phoneCodecs: [String] = ["PCMU/8000", "PCMA/8000"]
  ) {
    self.policy = policy
    self.earlyMedia = earlyMedia
    self.routes = routes
    self.allowsInlineTrunks = allowsInlineTrunks
    self.hasTLS = hasTLS
    self.hasSRTP = hasSRTP
    self.phoneCodecs = phoneCodecs
  }
}
