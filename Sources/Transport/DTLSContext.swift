import COpenSSL

/// What all DTLS connections of the process share: certificate, ciphers, SRTP profiles in order of preference.
///
/// Owns an `SSL_CTX`.
// @unchecked: an SSL_CTX is reference-counted and locked by OpenSSL, and never changed after init.
public final class DTLSContext: @unchecked Sendable {
  public let fingerprint: DTLSFingerprint
  private let context: OpaquePointer
  private let timer: Timer

  /// When a flight is sent again.
  enum Timer: Sendable {
    /// After 100 ms, doubling up to 2 s.
    case doubling
    /// After 1 ms, for tests, since the clock is OpenSSL's: it takes 15 ms before the end for the end.
    case quick
  }

  /// Nil when OpenSSL refuses the certificate, when libsrtp cannot start or when `profiles` is empty.
  public convenience init?(
    _ certificate: borrowing DTLSCertificate, profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMSHA1With80BitTag]
  ) {
    self.init(certificate, profiles: profiles, timer: .doubling)
  }

  init?(_ certificate: borrowing DTLSCertificate, profiles: [SRTPProfile], timer: Timer) {
    // Here, so that the first call does not wait for libsrtp's self-tests.
    guard SRTPLibrary.isReady, let context = SSL_CTX_new(DTLS_method()) else { return nil }
    self.context = context
    self.timer = timer
    fingerprint = certificate.fingerprint
    // Either role takes any certificate here; its fingerprint is compared when the handshake is complete.
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT) { _, _ in 1 }
    SSL_CTX_set_options(context, cossl_dtls_options())
    _ = cossl_ctx_disable_session_cache(context)
    let names = profiles.map { $0 == .aeadAES128GCM ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80" }
    let ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    guard cossl_ctx_set_min_version(context, DTLS1_2_VERSION) == 1,
      SSL_CTX_use_certificate(context, certificate.certificate) == 1,
      SSL_CTX_use_PrivateKey(context, certificate.key) == 1, SSL_CTX_set_cipher_list(context, ciphers) == 1,
      // Zero is success here, unlike its neighbours.
      SSL_CTX_set_tlsext_use_srtp(context, names.joined(separator: ":")) == 0
    else { return nil }
  }

  deinit { SSL_CTX_free(context) }

  /// An `SSL` between two empty memory BIOs, which it owns. The caller frees it.
  func makeSession(_ role: DTLSConnection.Role) -> OpaquePointer? {
    guard let session = SSL_new(context) else { return nil }
    guard let incoming = BIO_new(BIO_s_mem()) else {
      SSL_free(session)
      return nil
    }
    guard let outgoing = BIO_new(BIO_s_mem()) else {
      BIO_free(incoming)
      SSL_free(session)
      return nil
    }
    // Empty means "try again later", not the end.
    _ = cossl_bio_set_mem_eof_return(incoming, -1)
    _ = cossl_bio_set_mem_eof_return(outgoing, -1)
    SSL_set_bio(session, incoming, outgoing)
    _ = cossl_set_mtu(session, DTLSConnection.maximumDatagramByteCount)
    switch timer {
    case .doubling: DTLS_set_timer_cb(session) { _, last in last == 0 ? 100_000 : min(2 * last, 2_000_000) }
    case .quick: DTLS_set_timer_cb(session) { _, _ in 16_000 }
    }
    switch role {
    case .server: SSL_set_accept_state(session)
    case .client: SSL_set_connect_state(session)
    }
    return session
  }
}
