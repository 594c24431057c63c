import CSRTP

/// What libsrtp is told of a session or a stream: ciphers, master key, replay window.
struct SRTPPolicy {
  /// Packet indices within which a late packet is taken (RFC 3711 §3.3.2).
  static let replayWindowLength: UInt = 128

  private let profile: SRTPProfile
  /// Master key and salt, as libsrtp wants them.
  private let keyAndSalt: [UInt8]

  init(_ profile: SRTPProfile, masterKey: SRTPMasterKey) {
    self.profile = profile
    keyAndSalt = masterKey.key + masterKey.salt
  }

  /// Lends libsrtp's form of the policy for the streams that `ssrc` names. libsrtp keeps nothing of it.
  func apply(
    to ssrc: srtp_ssrc_t, _ call: (inout srtp_policy_t) -> srtp_err_status_t
  ) -> srtp_err_status_t {
    var policy = srtp_policy_t()
    switch profile {
    case .aeadAES128GCM:
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
    case .aes128CMSHA1With80BitTag:
      srtp_crypto_policy_set_rtp_default(&policy.rtp)
      srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
    }
    policy.ssrc = ssrc
    policy.window_size = Self.replayWindowLength
    // Mutable in C only for want of a const.
    var key = keyAndSalt
    return key.withUnsafeMutableBufferPointer {
      policy.key = $0.baseAddress
      return call(&policy)
    }
  }
}
