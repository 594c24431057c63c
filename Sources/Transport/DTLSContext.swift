/// What all DTLS connections of the process share: certificate, ciphers, SRTP profiles in order of preference.
// @unchecked: an SSL_CTX is reference-counted and locked by OpenSSL, and never changed after init.
public final class DTLSContext: @unchecked Sendable {
  public let fingerprint: DTLSFingerprint

  /// Nil when OpenSSL refuses the certificate or `profiles` is empty.
  public init?(
    _ certificate: borrowing DTLSCertificate, profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMSHA1With80BitTag]
  ) { return nil }
}
