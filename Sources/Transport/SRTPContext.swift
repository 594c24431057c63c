import Base
import CSRTP

/// One direction of an SRTP session (RFC 3711, RFC 7714). Packets are changed in place; nothing is allocated once a
/// stream is known.
///
/// Owns an `srtp_t`, to which all state of the protocol belongs; here streams are only counted.
public struct SRTPContext: ~Copyable {
  public enum Direction: Hashable, Sendable { case inbound, outbound }

  /// What became of a received packet.
  public enum Outcome: Hashable, Sendable {
    /// The first `byteCount` bytes are the plain packet.
    case packet(byteCount: Int)
    /// Seen before, or too old for the replay window of 128 packets (RFC 3711 §3.3.2).
    case replayed
    /// The tag does not fit. The packet's bytes are lost.
    case forged
    /// Not an RTP or RTCP packet with room for a tag, or an RTCP packet that the profile wants encrypted and is not.
    case malformed
    /// A new SSRC although `maximumStreamCount` are known.
    case tooManyStreams
  }

  /// Bytes that `protect` or `protectRTCP` may add.
  public static let maximumTrailerByteCount = 20
  /// SSRCs known at once. A peer could else make us keep state for each packet it invents: libsrtp has no bound.
  public static let maximumStreamCount = 64

  private let session: srtp_t
  private let policy: SRTPPolicy
  /// Streams that `session` keeps besides the template it makes them of.
  private var streamCount = 0
  /// The stream used last, which `session` keeps.
  private var lastSSRC: UInt32?

  /// Nil when libsrtp refuses the key or cannot start. `srtp_create`.
  public init?(_ profile: SRTPProfile, masterKey: SRTPMasterKey, direction: Direction) {
    guard SRTPLibrary.isReady else { return nil }
    let policy = SRTPPolicy(profile, masterKey: masterKey)
    let any = srtp_ssrc_t(type: direction == .inbound ? ssrc_any_inbound : ssrc_any_outbound, value: 0)
    var session: srtp_t?
    guard policy.apply(to: any, { srtp_create(&session, &$0) }) == srtp_err_status_ok, let session else { return nil }
    self.session = session
    self.policy = policy
  }

  deinit { srtp_dealloc(session) }

  /// Protects the RTP packet in the first `byteCount` bytes and returns its new length. `srtp_protect`.
  ///
  /// Nil when it is malformed, when `maximumTrailerByteCount` more bytes do not fit, when its SSRC is one too many, or
  /// when its sequence number was protected before (or lies more than 127 behind): a nonce used twice gives the key
  /// away. To answer a NACK, keep the protected packet.
  public mutating func protect(_ packet: inout MutableRawSpan, byteCount: Int) -> Int? {
    guard byteCount + Self.maximumTrailerByteCount <= packet.byteCount else { return nil }
    return change(&packet, byteCount: byteCount, .rtp) { srtp_protect($0, $1, $2) }.byteCount
  }

  /// Protects the compound RTCP packet in the first `byteCount` bytes and returns its new length. Nil when it is
  /// malformed, when `maximumTrailerByteCount` more bytes do not fit, or when its SSRC is one too many.
  /// `srtp_protect_rtcp`.
  public mutating func protectRTCP(_ packet: inout MutableRawSpan, byteCount: Int) -> Int? {
    guard byteCount + Self.maximumTrailerByteCount <= packet.byteCount else { return nil }
    return change(&packet, byteCount: byteCount, .rtcp) { srtp_protect_rtcp($0, $1, $2) }.byteCount
  }

  /// Checks and decrypts the SRTP packet in the first `byteCount` bytes. `srtp_unprotect`.
  public mutating func unprotect(_ packet: inout MutableRawSpan, byteCount: Int) -> Outcome {
    change(&packet, byteCount: byteCount, .rtp) { srtp_unprotect($0, $1, $2) }
  }

  /// Checks and decrypts the SRTCP packet in the first `byteCount` bytes. `srtp_unprotect_rtcp`.
  public mutating func unprotectRTCP(_ packet: inout MutableRawSpan, byteCount: Int) -> Outcome {
    change(&packet, byteCount: byteCount, .rtcp) { srtp_unprotect_rtcp($0, $1, $2) }
  }

  /// Makes the stream's state now instead of with its first packet. False when `maximumStreamCount` are known.
  /// `srtp_add_stream`.
  @discardableResult
  public mutating func addStream(ssrc: UInt32) -> Bool {
    if knows(ssrc) { return true }
    let specific = srtp_ssrc_t(type: ssrc_specific, value: ssrc)
    guard streamCount < Self.maximumStreamCount,
      policy.apply(to: specific, { srtp_add_stream(session, &$0) }) == srtp_err_status_ok
    else { return false }
    streamCount += 1
    return true
  }

  /// Forgets the stream: its place is free, and its SSRC may start again at any sequence number. `srtp_remove_stream`.
  ///
  /// Never for an outbound SSRC that goes on under the same key: packet indices would repeat.
  public mutating func removeStream(ssrc: UInt32) {
    if lastSSRC == ssrc { lastSSRC = nil }
    guard srtp_remove_stream(session, ssrc.bigEndian) == srtp_err_status_ok else { return }
    streamCount -= 1
  }

  /// Where a packet bears its sender's SSRC.
  private enum Kind: Int {
    case rtp = 8
    case rtcp = 4
  }

  /// libsrtp keeps a stream once a packet of it has passed (inbound: its tag fits), so that only the number of streams
  /// is left to bound.
  private mutating func change(
    _ packet: inout MutableRawSpan, byteCount: Int, _ kind: Kind,
    _ call: (srtp_t, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
  ) -> Outcome {
    guard byteCount >= kind.rawValue + 4, byteCount <= packet.byteCount, var length = Int32(exactly: byteCount) else {
      return .malformed
    }
    return packet.withUnsafeMutableBytes { bytes in
      // libsrtp reads no version.
      guard bytes[0] >> 6 == 2 else { return .malformed }
      let ssrc = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: kind.rawValue, as: UInt32.self))
      let isKnown = knows(ssrc)
      guard isKnown || streamCount < Self.maximumStreamCount else { return .tooManyStreams }
      let status = call(session, bytes.baseAddress, &length)
      let isKept = isKnown || knows(ssrc)
      if isKept { lastSSRC = ssrc }
      if isKept, !isKnown { streamCount += 1 }
      return Outcome(status, byteCount: Int(length))
    }
  }

  /// Whether libsrtp keeps a stream of this SSRC. `srtp_get_stream_roc`.
  private func knows(_ ssrc: UInt32) -> Bool {
    if lastSSRC == ssrc { return true }
    var rolloverCounter: UInt32 = 0
    return srtp_get_stream_roc(session, ssrc, &rolloverCounter) == srtp_err_status_ok
  }
}

extension SRTPContext.Outcome {
  fileprivate init(_ status: srtp_err_status_t, byteCount: Int) {
    switch status {
    case srtp_err_status_ok: self = .packet(byteCount: byteCount)
    case srtp_err_status_replay_fail, srtp_err_status_replay_old: self = .replayed
    case srtp_err_status_auth_fail: self = .forged
    default: self = .malformed
    }
  }

  fileprivate var byteCount: Int? {
    if case .packet(let byteCount) = self { byteCount } else { nil }
  }
}
