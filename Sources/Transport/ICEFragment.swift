import Base

/// A user name fragment of ours: 8 ICE characters, kept as the 8 bytes they are on the wire so that a datagram's
/// session is found without making a string.
public struct ICEFragment: Hashable, Sendable, CustomStringConvertible {
  public let bits: UInt64

  /// 48 random bits.
  public init(using generator: inout some RandomNumberGenerator) { bits = 0 }

  /// Nil unless it is 8 ICE characters (RFC 8445 §5.3: letters, digits, `+`, `/`).
  public init?(_ text: some StringProtocol) { return nil }

  /// The fragment before the colon of USERNAME in a binding request. Nil for any other datagram, and for a user name
  /// that is none of ours.
  public init?(addressedBy datagram: RawSpan) { return nil }

  public var description: String { "" }
}
