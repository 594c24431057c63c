import Base

/// The answering side of ICE for one transport (RFC 8445 §2.5, lite): it only responds to checks, and the peer
/// nominates. Consent to send is the peer's checks going on (RFC 7675).
///
/// A lite agent is always the controlled one, so the role attributes of a check are not looked at.
public struct ICELiteAgent: Sendable {
  public enum Answer: Hashable, Sendable {
    /// Not a check for us, or not proven to be: no answer.
    case ignore
    /// Send the first `byteCount` bytes of the response to where the check came from.
    case respond(byteCount: Int)
  }

  /// Room to offer `receive` for its response.
  public static let maximumResponseByteCount = STUNResponse.maximumByteCount
  /// RFC 7675 §5.1.
  public static let consentLifetime = Duration.seconds(30)
  private static let passwordCharacterCount = 24

  public private(set) var localFragment: ICEFragment
  /// 24 ICE characters of 6 random bits when made here.
  public private(set) var localPassword: String
  /// Where to send: the pair that the peer nominated, before that the source of the first valid check.
  public private(set) var selected: Endpoint?
  public private(set) var isNominated = false
  public private(set) var lastValidCheck: MonotonicTime?

  private var key: STUNKey
  private var remoteFragment: [UInt8]?
  /// `selected` is from before a restart and yields to the first check.
  private var isRestarting = false

  /// Nil unless the password has 22…256 ICE characters. `remoteFragment` nil: any is accepted.
  public init?(localFragment: ICEFragment, localPassword: String, remoteFragment: String? = nil) {
    guard ICECharacters.areUsable(localPassword) else { return nil }
    self.init(unchecked: localFragment, localPassword, remoteFragment)
  }

  /// With random credentials.
  public init(remoteFragment: String? = nil, using generator: inout some RandomNumberGenerator) {
    let fragment = ICEFragment(using: &generator)
    let password = Self.makePassword(using: &generator)
    self.init(unchecked: fragment, password, remoteFragment)
  }

  private init(unchecked fragment: ICEFragment, _ password: String, _ remoteFragment: String?) {
    localFragment = fragment
    localPassword = password
    key = STUNKey(password: password)
    self.remoteFragment = remoteFragment.map { Array($0.utf8) }
  }

  /// 144 random bits in ICE characters.
  public static func makePassword(using generator: inout some RandomNumberGenerator) -> String {
    var bytes: [UInt8] = []
    for _ in 0..<passwordCharacterCount { bytes.append(ICECharacters.random(using: &generator)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  public mutating func setRemoteFragment(_ fragment: String) { remoteFragment = Array(fragment.utf8) }

  /// Takes one STUN datagram and writes the response, if it deserves one: a binding request with FINGERPRINT, our user
  /// name and MESSAGE-INTEGRITY by our password. Anything else gets no answer, so that nobody learns of us or has us
  /// send to a third party.
  public mutating func receive(
    _ datagram: RawSpan, from source: Endpoint, now: MonotonicTime, response: inout MutableRawSpan
  ) -> Answer {
    precondition(response.byteCount >= Self.maximumResponseByteCount, "\(response.byteCount) bytes are too few")
    guard let check = STUNMessage(datagram), check.kind == .bindingRequest, check.hasFingerprint,
      let username = check.username, isForUs(datagram.extracting(username)), check.isAuthentic(datagram, key: key)
    else { return .ignore }
    if let attribute = check.unknownAttribute {
      return .respond(
        byteCount: STUNResponse.writeFailure(
          .unknownAttribute(attribute), to: check.transactionID, key: key, into: &response))
    }
    lastValidCheck = now
    select(source, isNominating: check.isNominating)
    return .respond(
      byteCount: STUNResponse.writeSuccess(to: check.transactionID, mapped: source, key: key, into: &response))
  }

  /// Whether the peer still checks us, so that we may send. False before the first valid check.
  public func hasConsent(at now: MonotonicTime) -> Bool {
    guard let lastValidCheck else { return false }
    return now - lastValidCheck < Self.consentLifetime
  }

  /// ICE restart (RFC 8445 §9): new credentials; the selected pair stays until a check with the new ones arrives.
  /// False, and nothing changes, unless the password has 22…256 ICE characters.
  public mutating func restart(localFragment: ICEFragment, localPassword: String, remoteFragment: String?) -> Bool {
    guard ICECharacters.areUsable(localPassword) else { return false }
    self.localFragment = localFragment
    self.localPassword = localPassword
    key = STUNKey(password: localPassword)
    self.remoteFragment = remoteFragment.map { Array($0.utf8) }
    isRestarting = true
    isNominated = false
    return true
  }

  private mutating func select(_ source: Endpoint, isNominating: Bool) {
    if isNominating {
      selected = source
      isNominated = true
    } else if selected == nil || isRestarting {
      selected = source
    }
    isRestarting = false
  }

  /// USERNAME is our fragment, a colon, the peer's (RFC 8445 §7.2.2).
  private func isForUs(_ username: RawSpan) -> Bool {
    guard let fragment = ICEFragment(username: username), fragment == localFragment else { return false }
    guard let remoteFragment else { return true }
    return username.extracting(droppingFirst: 9).withUnsafeBytes { $0.elementsEqual(remoteFragment) }
  }
}
