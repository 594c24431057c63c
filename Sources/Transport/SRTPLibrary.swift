import CSRTP
import CSRTPCrypto

/// libsrtp, which lives once per process.
enum SRTPLibrary {
  /// Starts libsrtp with our ciphers when it is first read, which takes some 40 ms. False when a self-test fails: then
  /// there is no SRTP.
  static let isReady = srtp_init() == srtp_err_status_ok && csrtpcrypto_install()
}
