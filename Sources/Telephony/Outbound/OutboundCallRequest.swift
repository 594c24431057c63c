/// What a program asks for with `CreateSIPParticipant`, field by field. `OutboundCallPlan.make` honours or refuses each.
public struct OutboundCallRequest: Hashable, Sendable {
  /// `SIPUri`.
  public struct URIValues: Hashable, Sendable {
    public var user: String
    public var host: String
    public var ip: String
    public var port: UInt32
    public var transport: TrunkTransport

    public init(
      user: String = "", host: String = "", ip: String = "", port: UInt32 = 0, transport: TrunkTransport = .auto
    ) {
      self.user = user
      self.host = host
      self.ip = ip
      self.port = port
      self.transport = transport
    }
  }

  /// `SIPRequestDest`.
  public enum URI: Hashable, Sendable {
    case raw(String)
    case values(URIValues)
  }

  /// `SIPNamedDest`.
  public struct NamedURI: Hashable, Sendable {
    public var uri: URI?
    public var displayName: String

    public init(uri: URI?, displayName: String = "") {
      self.uri = uri
      self.displayName = displayName
    }
  }

  /// `SIPOutboundConfig`: a trunk that stands in the request itself.
  public struct InlineTrunk: Hashable, Sendable {
    public var hostname: String
    public var transport: TrunkTransport
    public var authUsername: String
    public var authPassword: String
    public var headersToAttributes: [String: String]
    public var attributesToHeaders: [String: String]
    public var destinationCountry: String
    public var fromHost: String

    public init(
      hostname: String, transport: TrunkTransport = .auto, authUsername: String = "", authPassword: String = "",
      headersToAttributes: [String: String] = [:], attributesToHeaders: [String: String] = [:],
      destinationCountry: String = "", fromHost: String = ""
    ) {
      self.hostname = hostname
      self.transport = transport
      self.authUsername = authUsername
      self.authPassword = authPassword
      self.headersToAttributes = headersToAttributes
      self.attributesToHeaders = attributesToHeaders
      self.destinationCountry = destinationCountry
      self.fromHost = fromHost
    }
  }

  /// `Destination`: where the callee is.
  public struct Destination: Hashable, Sendable {
    public var city: String
    public var country: String
    public var region: String

    public init(city: String = "", country: String = "", region: String = "") {
      self.city = city
      self.country = country
      self.region = region
    }
  }

  public var sipTrunkID = ""
  public var trunk: InlineTrunk?
  public var sipCallTo = ""
  public var sipNumber = ""
  public var roomName = ""
  public var participantIdentity = ""
  public var participantName = ""
  public var participantMetadata = ""
  public var participantAttributes: [String: String] = [:]
  public var dtmf = ""
  /// The deprecated spelling of `playDialtone`.
  public var playRingtone = false
  public var playDialtone = false
  public var hidePhoneNumber = false
  /// Nil and zero: the trunk's or the gateway's.
  public var ringingTimeout: Duration?
  public var maxCallDuration: Duration?
  public var krispEnabled = false
  public var headers: [String: String] = [:]
  public var includeHeaders = HeaderInclusion.none
  /// Deprecated; `media.encryption` goes before it.
  public var mediaEncryption: MediaOptions.Encryption?
  public var media = MediaOptions()
  public var waitUntilAnswered = false
  /// Nil: our number is shown. Empty: no name.
  public var displayName: String?
  public var destination: Destination?
  public var sipRequestURI: URI?
  public var sipToHeader: NamedURI?
  public var sipFromHeader: NamedURI?
  public var toUserOverride = ""

  public init() {}
}
