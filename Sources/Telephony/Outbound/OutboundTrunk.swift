/// A way to place calls: a provider or PBX and what may be dialled through it (`SIPOutboundTrunkInfo`, and ours).
public struct OutboundTrunk: Hashable, Sendable {
  /// `ST_…`. Unique. Empty for a trunk that came inside a request.
  public var id: String
  public var name: String
  public var metadata: String
  public var address: SIPHostPort
  public var transport: TrunkTransport
  /// Our numbers; a call that names none takes one at random. A call that names a number and no trunk takes the trunk
  /// that lists it; `*` and prefixes serve for that alone.
  public var numbers: [NumberPattern]
  /// For the provider's challenges.
  public var authUsername: String
  public var authPassword: String
  /// Fixed headers of the INVITE.
  public var headers: [String: String]
  /// SIP header of a response → participant attribute.
  public var headersToAttributes: [String: String]
  /// Participant attribute → SIP header of INVITE, CANCEL, BYE and REFER.
  public var attributesToHeaders: [String: String]
  public var includeHeaders: HeaderInclusion
  public var media: MediaOptions
  /// ISO 3166-1 alpha-2. Empty: none given.
  public var destinationCountry: String
  /// Host of From. Empty: the gateway's own address.
  public var fromHost: String
  /// Ours: what may be dialled, when, and how often.
  public var limits: DialPolicy
  /// Ours: the callee's sound is heard in the room before the answer (183 with SDP). Nil: the gateway's default.
  public var earlyMedia: Bool?
  /// Ours.
  public var transfer: TransferPolicy
  /// Ours; `answerPolicy` has no meaning here.
  public var call: CallOverrides

  public init(
    id: String, name: String = "", metadata: String = "", address: SIPHostPort, transport: TrunkTransport = .auto,
    numbers: [NumberPattern] = [], authUsername: String = "", authPassword: String = "",
    headers: [String: String] = [:], headersToAttributes: [String: String] = [:],
    attributesToHeaders: [String: String] = [:], includeHeaders: HeaderInclusion = .none,
    media: MediaOptions = MediaOptions(), destinationCountry: String = "", fromHost: String = "",
    limits: DialPolicy = DialPolicy(), earlyMedia: Bool? = nil, transfer: TransferPolicy = TransferPolicy(),
    call: CallOverrides = CallOverrides()
  ) {
    self.id = id
    self.name = name
    self.metadata = metadata
    self.address = address
    self.transport = transport
    self.numbers = numbers
    self.authUsername = authUsername
    self.authPassword = authPassword
    self.headers = headers
    self.headersToAttributes = headersToAttributes
    self.attributesToHeaders = attributesToHeaders
    self.includeHeaders = includeHeaders
    self.media = media
    self.destinationCountry = destinationCountry
    self.fromHost = fromHost
    self.limits = limits
    self.earlyMedia = earlyMedia
    self.transfer = transfer
    self.call = call
  }

  /// The name people gave it, else its id, else its address.
  public var label: String { name.isEmpty ? id.isEmpty ? address.description : id : name }

  /// Whether the text names the trunk, by id or by name.
  public func isNamed(_ text: String) -> Bool { !text.isEmpty && (id == text || name == text) }
}
