import Transport

/// Our user name fragment and password for one transport (RFC 8445 §5.3), as SDP carries them.
public struct ICECredentials: Hashable, Sendable {
  /// 8 ICE characters.
  public let ufrag: String
  /// 24 ICE characters.
  public let password: String

  /// Nil unless `ufrag` has 8 and `password` 22…256 ICE characters.
  public init?(ufrag: String, password: String) {
    guard let fragment = ICEFragment(ufrag), ICELiteAgent(localFragment: fragment, localPassword: password) != nil
    else { return nil }
    self.ufrag = ufrag
    self.password = password
  }

  /// 48 and 144 random bits.
  public static func random(using generator: inout some RandomNumberGenerator) -> ICECredentials {
    let agent = ICELiteAgent(using: &generator)
    return ICECredentials(unchecked: agent.localFragment.description, agent.localPassword)
  }

  public static func random() -> ICECredentials {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  private init(unchecked ufrag: String, _ password: String) {
    self.ufrag = ufrag
    self.password = password
  }
}
