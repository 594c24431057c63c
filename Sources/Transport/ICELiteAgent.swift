import Base

/// The answering side of ICE for one transport (RFC 8445 §2.5, lite): it only responds to checks, and the peer
/// nominates. Consent to send is the peer's checks going on (RFC 7675).
public struct ICELiteAgent: Sendable {
  public enum Answer: Hashable, Sendable {
    /// Not a check for us, or not proven to be: no answer.
    case ignore
    /// Send the first `byteCount` bytes of the response to where the check came from.
    case respond(byteCount: Int)
  }

  /// Room to offer `receive` for its response.
  public static let maximumResponseByteCount = 128
  /// RFC 7675 §5.1.
  public static let consentLifetime = Duration.seconds(30)

  public private(set) var localFragment: ICEFragment
  /// 24 ICE characters: 144 random bits.
  public private(set) var localPassword: String
  /// Where to send: the pair that the peer nominated, before that the source of the first valid check.
  public private(set) var selected: Endpoint?
  public private(set) var isNominated = false
  public private(set) var lastValidCheck: MonotonicTime?

  /// Nil unless the password has 22…256 ICE characters. `remoteFragment` nil: any is accepted.
  public init?(localFragment: ICEFragment, localPassword: String, remoteFragment: String? = nil) { return nil }

  /// With random credentials.
  public init(remoteFragment: String? = nil, using generator: inout some RandomNumberGenerator) {
    localFragment = ICEFragment(using: &generator)
    localPassword = ""
  }

  public mutating func setRemoteFragment(_ fragment: String) {}

  /// Takes one STUN datagram and writes the response, if it deserves one.
  public mutating func receive(
    _ datagram: RawSpan, from source: Endpoint, now: MonotonicTime, response: inout MutableRawSpan
  ) -> Answer { .ignore }

  /// Whether the peer still checks us, so that we may send. False before the first valid check.
  public func hasConsent(at now: MonotonicTime) -> Bool { false }

  /// ICE restart (RFC 8445 §9): new credentials; the selected pair stays until a check with the new ones arrives.
  /// False, and nothing changes, unless the password has 22…256 ICE characters.
  public mutating func restart(localFragment: ICEFragment, localPassword: String, remoteFragment: String?) -> Bool {
    false
  }
}
