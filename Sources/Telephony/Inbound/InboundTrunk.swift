/// Calls of one provider or PBX, and how they prove to be its (`SIPInboundTrunkInfo`).
public struct InboundTrunk: Hashable, Sendable {
  /// `ST_…`. Unique.
  public var id: String
  public var name: String
  public var metadata: String
  /// Called numbers. Empty: the default trunk, for calls that no other trunk names.
  public var numbers: [NumberPattern]
  /// Where calls may come from. Empty: anywhere.
  public var allowedAddresses: [AddressPattern]
  /// Calling numbers. Empty: any.
  public var allowedNumbers: [NumberPattern]
  /// Digest credentials are asked for when both are set.
  public var authUsername: String
  public var authPassword: String
  /// Empty: the gateway's realm.
  public var authRealm: String
  /// Put on the 200 OK.
  public var headers: [String: String]
  /// SIP header → participant attribute.
  public var headersToAttributes: [String: String]
  /// Participant attribute → SIP header.
  public var attributesToHeaders: [String: String]
  public var includeHeaders: HeaderInclusion
  public var krispEnabled: Bool
  public var media: MediaOptions
  public var call: CallOverrides
  /// Ours.
  public var transfer: TransferPolicy

  public init(
    id: String, name: String = "", metadata: String = "", numbers: [NumberPattern] = [],
    allowedAddresses: [AddressPattern] = [], allowedNumbers: [NumberPattern] = [], authUsername: String = "",
    authPassword: String = "", authRealm: String = "", headers: [String: String] = [:],
    headersToAttributes: [String: String] = [:], attributesToHeaders: [String: String] = [:],
    includeHeaders: HeaderInclusion = .none, krispEnabled: Bool = false, media: MediaOptions = MediaOptions(),
    call: CallOverrides = CallOverrides(), transfer: TransferPolicy = TransferPolicy()
  ) {
    self.id = id
    self.name = name
    self.metadata = metadata
    self.numbers = numbers
    self.allowedAddresses = allowedAddresses
    self.allowedNumbers = allowedNumbers
    self.authUsername = authUsername
    self.authPassword = authPassword
    self.authRealm = authRealm
    self.headers = headers
    self.headersToAttributes = headersToAttributes
    self.attributesToHeaders = attributesToHeaders
    self.includeHeaders = includeHeaders
    self.krispEnabled = krispEnabled
    self.media = media
    self.call = call
    self.transfer = transfer
  }

  /// Both a user name and a password are set: one alone asks for nothing.
  public var requiresDigest: Bool { !authUsername.isEmpty && !authPassword.isEmpty }

  /// The name people gave it, else its id.
  public var label: String { name.isEmpty ? id : name }
}
