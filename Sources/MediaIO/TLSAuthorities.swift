import Base
import COpenSSL

/// Whom TLS connections to TURN servers trust: the system's certificate authorities, or those of one file.
///
/// Owns an `SSL_CTX`.
// @unchecked: an SSL_CTX is reference-counted and locked by OpenSSL, and never changed after init.
public final class TLSAuthorities: @unchecked Sendable {
  private let context: OpaquePointer

  /// `file` holds PEM certificates; nil stands for the system's. Nil when it cannot be read.
  public init?(file: String? = nil) {
    guard let context = SSL_CTX_new(TLS_client_method()) else { return nil }
    self.context = context
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    guard cossl_ctx_set_min_version(context, TLS1_2_VERSION) == 1,
      file.map({ SSL_CTX_load_verify_locations(context, $0, nil) }) ?? SSL_CTX_set_default_verify_paths(context) == 1
    else { return nil }
  }

  deinit { SSL_CTX_free(context) }

  /// An `SSL` between two empty memory BIOs, which it owns, that accepts a certificate for `name` alone. The caller
  /// frees it. Nil when memory is short or the name is none.
  func makeSession(towards name: String) -> OpaquePointer? {
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
    SSL_set_bio(session, incoming, outgoing)
    SSL_set_connect_state(session)
    // RFC 6066 §3: the server is told names only, not addresses.
    let isExpected =
      IPAddress(name) == nil
      ? cossl_set_server_name(session, name) == 1 && SSL_set1_host(session, name) == 1
      : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1
    guard isExpected else {
      SSL_free(session)
      return nil
    }
    return session
  }
}
