import COpenSSL

/// The SRTP keys of a completed handshake (RFC 5764 §4.2).
enum DTLSKeyExport {
  private static let label = "EXTRACTOR-dtls_srtp"

  /// `SSL_export_keying_material`: client key, server key, client salt, server salt. Nil without a common profile.
  static func srtpKeys(of session: OpaquePointer, role: DTLSConnection.Role) -> SRTPKeys? {
    guard let selected = SSL_get_selected_srtp_profile(session), let profile = profile(selected.pointee.id) else {
      return nil
    }
    let keyCount = SRTPProfile.keyByteCount
    let saltCount = profile.saltByteCount
    var material = [UInt8](repeating: 0, count: 2 * (keyCount + saltCount))
    guard SSL_export_keying_material(session, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1,
      let client = SRTPMasterKey(
        profile, key: material[..<keyCount], salt: material[(2 * keyCount)..<(2 * keyCount + saltCount)]),
      let server = SRTPMasterKey(
        profile, key: material[keyCount..<(2 * keyCount)], salt: material[(2 * keyCount + saltCount)...])
    else { return nil }
    return role == .server
      ? SRTPKeys(profile: profile, inbound: client, outbound: server)
      : SRTPKeys(profile: profile, inbound: server, outbound: client)
  }

  private static func profile(_ id: UInt) -> SRTPProfile? {
    switch Int32(truncatingIfNeeded: id) {
    case SRTP_AEAD_AES_128_GCM: .aeadAES128GCM
    case SRTP_AES128_CM_SHA1_80: .aes128CMSHA1With80BitTag
    default: nil
    }
  }
}
