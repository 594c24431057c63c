/// One pair of the issuer claim and the HMAC secret of access tokens.
public struct APIKey: Sendable, Hashable {
  public var name: String
  public var secret: String

  public init(name: String, secret: String) {
    self.name = name
    self.secret = secret
  }

  /// LiveKit's published pair, in force when no other is configured.
  public static let development = APIKey(name: "devkey", secret: "secret")
}
