/// A protection profile that DTLS can negotiate (RFC 5764 §4.1.2, RFC 7714 §14.2).
public enum SRTPProfile: Hashable, Sendable, CaseIterable {
  /// AEAD_AES_128_GCM: 16 bytes of tag on RTP, 20 on RTCP. Preferred: one pass encrypts and authenticates.
  case aeadAES128GCM
  /// AES128_CM_HMAC_SHA1_80: 10 bytes of tag on RTP, 14 on RTCP.
  case aes128CMSHA1With80BitTag

  /// Bytes of the master key.
  public static let keyByteCount = 16
  /// Bytes of the master salt.
  public var saltByteCount: Int { self == .aeadAES128GCM ? 12 : 14 }
  /// Bytes of the authentication tag.
  var tagByteCount: Int { self == .aeadAES128GCM ? 16 : 10 }
}

/// Master key and salt of one direction.
public struct SRTPMasterKey: Hashable, Sendable {
  public var key: [UInt8]
  public var salt: [UInt8]

  /// Nil unless the lengths are those of `profile`.
  public init?(_ profile: SRTPProfile, key: some Sequence<UInt8>, salt: some Sequence<UInt8>) {
    self.key = Array(key)
    self.salt = Array(salt)
    guard self.key.count == SRTPProfile.keyByteCount, self.salt.count == profile.saltByteCount else { return nil }
  }
}

/// What a DTLS handshake yields for SRTP (RFC 5764 §4.2).
public struct SRTPKeys: Hashable, Sendable {
  public var profile: SRTPProfile
  /// Unprotects what the peer sends.
  public var inbound: SRTPMasterKey
  /// Protects what we send.
  public var outbound: SRTPMasterKey

  public init(profile: SRTPProfile, inbound: SRTPMasterKey, outbound: SRTPMasterKey) {
    self.profile = profile
    self.inbound = inbound
    self.outbound = outbound
  }
}
