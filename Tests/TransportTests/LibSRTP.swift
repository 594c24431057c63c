import CSRTP

@testable import Transport

/// libsrtp, to be compared with.
final class LibSRTP {
  private let session: srtp_t
  private static let library = srtp_init()

  init?(_ profile: SRTPProfile, masterKey: SRTPMasterKey, direction: SRTPContext.Direction) {
    guard Self.library == srtp_err_status_ok else { return nil }
    var policy = srtp_policy_t()
    switch profile {
    case .aeadAES128GCM:
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
    case .aes128CMSHA1With80BitTag:
      srtp_crypto_policy_set_rtp_default(&policy.rtp)
      srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
    }
    policy.ssrc.type = direction == .inbound ? ssrc_any_inbound : ssrc_any_outbound
    policy.window_size = 128
    var key = masterKey.key + masterKey.salt
    var session: srtp_t?
    let status = key.withUnsafeMutableBufferPointer { key in
      policy.key = key.baseAddress
      return srtp_create(&session, &policy)
    }
    guard status == srtp_err_status_ok, let session else { return nil }
    self.session = session
  }

  deinit { srtp_dealloc(session) }

  func protect(_ packet: [UInt8]) -> [UInt8]? { change(packet) { srtp_protect(session, $0, &$1) } }
  func unprotect(_ packet: [UInt8]) -> [UInt8]? { change(packet) { srtp_unprotect(session, $0, &$1) } }
  func protectRTCP(_ packet: [UInt8]) -> [UInt8]? { change(packet) { srtp_protect_rtcp(session, $0, &$1) } }
  func unprotectRTCP(_ packet: [UInt8]) -> [UInt8]? { change(packet) { srtp_unprotect_rtcp(session, $0, &$1) } }

  private func change(
    _ packet: [UInt8], _ body: (UnsafeMutableRawPointer?, inout Int32) -> srtp_err_status_t
  ) -> [UInt8]? {
    var bytes = packet + Array(repeating: 0, count: 64)
    var count = Int32(packet.count)
    let status = bytes.withUnsafeMutableBytes { body($0.baseAddress, &count) }
    return status == srtp_err_status_ok ? Array(bytes[..<Int(count)]) : nil
  }
}
