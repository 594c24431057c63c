import Base

/// One direction of an SRTP session (RFC 3711, RFC 7714). Packets are changed in place; nothing is allocated once a
/// stream is known.
public struct SRTPContext: ~Copyable {
  public enum Direction: Hashable, Sendable { case inbound, outbound }

  /// What became of a received packet.
  public enum Outcome: Hashable, Sendable {
    /// The first `byteCount` bytes are the plain packet.
    case packet(byteCount: Int)
    /// Seen before, or too old for the replay window of 128 packets (RFC 3711 §3.3.2).
    case replayed
    /// The tag does not fit.
    case forged
    /// Not an RTP or RTCP packet with room for a tag.
    case malformed
    /// A new SSRC although `maximumStreamCount` are known.
    case tooManyStreams
  }

  /// Bytes that `protect` or `protectRTCP` may add.
  public static let maximumTrailerByteCount = 20
  /// SSRCs known at once. A peer could else make us keep state for each packet it invents.
  public static let maximumStreamCount = 64

  /// Nil when OpenSSL refuses the key.
  public init?(_ profile: SRTPProfile, masterKey: SRTPMasterKey, direction: Direction) { return nil }

  /// Protects the RTP packet in the first `byteCount` bytes. Returns its new length; nil when it is malformed or
  /// `maximumTrailerByteCount` more bytes do not fit.
  public mutating func protect(_ packet: inout MutableRawSpan, byteCount: Int) -> Int? { nil }

  /// Protects the RTCP packet in the first `byteCount` bytes, likewise.
  public mutating func protectRTCP(_ packet: inout MutableRawSpan, byteCount: Int) -> Int? { nil }

  public mutating func unprotect(_ packet: inout MutableRawSpan, byteCount: Int) -> Outcome { .malformed }

  public mutating func unprotectRTCP(_ packet: inout MutableRawSpan, byteCount: Int) -> Outcome { .malformed }

  /// Makes the stream's state now instead of with its first packet. False when `maximumStreamCount` are known.
  @discardableResult
  public mutating func addStream(ssrc: UInt32) -> Bool { false }

  /// Forgets the stream: its place is free, and its SSRC may start again at any sequence number.
  ///
  /// Never for an outbound SSRC that goes on under the same key: packet indices would repeat.
  public mutating func removeStream(ssrc: UInt32) {}
}
