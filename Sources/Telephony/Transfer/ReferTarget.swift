/// Whom a call is transferred to: `sip:`, `sips:` or `tel:`, with or without angle brackets.
public struct ReferTarget: Hashable, Sendable, CustomStringConvertible {
  /// `sip:user@host`, without brackets.
  public let uri: String
  /// User part of a SIP URI or number of a tel URI: what a bridge dials.
  public let user: String
  /// `host[:port]`. Empty for tel.
  public let host: String
  /// RFC 3891, when the URI's headers hold one.
  public let replaces: ReplacesHeader?

  /// Value of the Refer-To header: SIP in brackets, tel bare, as LiveKit writes them.
  public var headerValue: String { uri.hasPrefix("tel:") ? uri : "<\(uri)>" }
  public var description: String { uri }

  /// Nil when it is none of the three, has no user, or holds what no header may.
  public init?(_ text: String) { return nil }
}
