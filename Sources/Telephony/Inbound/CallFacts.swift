import Base

/// What an INVITE says about itself: all that matching and dispatch look at.
public struct CallFacts: Hashable, Sendable {
  public struct Header: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Our id of the call, also the To tag: `SCL_…`.
  public var callID: String
  /// SIP Call-ID.
  public var sipCallID: String
  public var fromUser: String
  public var fromHost: String
  /// The caller's tag.
  public var fromTag: String
  /// User part of To, not of the Request-URI.
  public var toUser: String
  public var toHost: String
  /// Shown, never matched.
  public var requestURI: String
  /// Where the request came from. Nil when unknown, which passes every address condition.
  public var source: IPAddress?
  public var headers: [Header]

  public init(
    callID: String = "", sipCallID: String = "", fromUser: String, fromHost: String = "", fromTag: String = "",
    toUser: String, toHost: String = "", requestURI: String = "", source: IPAddress? = nil, headers: [Header] = []
  ) {
    self.callID = callID
    self.sipCallID = sipCallID
    self.fromUser = fromUser
    self.fromHost = fromHost
    self.fromTag = fromTag
    self.toUser = toUser
    self.toHost = toHost
    self.requestURI = requestURI
    self.source = source
    self.headers = headers
  }
}
