import Base
import COpenSSL

/// What TLS connections of one configuration share: trusted authorities and our own certificate.
///
/// Owns an `SSL_CTX`.
final class TLSSettings {
  private let context: OpaquePointer
  private let configuration: RedisConfiguration.TLS

  /// Throws what is wrong with the files.
  init(_ configuration: RedisConfiguration.TLS) throws(RedisFault) {
    guard let context = SSL_CTX_new(TLS_client_method()), cossl_ctx_set_min_version(context, TLS1_2_VERSION) == 1 else {
      throw RedisFault("OpenSSL has no TLS client")
    }
    self.context = context
    self.configuration = configuration
    if configuration.isInsecure {
      SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
    } else {
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
      let isTrusted =
        configuration.authorityFile.isEmpty
        ? SSL_CTX_set_default_verify_paths(context)
        : SSL_CTX_load_verify_locations(context, configuration.authorityFile, nil)
      guard isTrusted == 1 else { throw Self.fault(configuration.authorityFile, "expected PEM certificates") }
    }
    guard !configuration.certificateFile.isEmpty else { return }
    guard SSL_CTX_use_certificate_chain_file(context, configuration.certificateFile) == 1 else {
      throw Self.fault(configuration.certificateFile, "expected a PEM certificate")
    }
    guard SSL_CTX_use_PrivateKey_file(context, configuration.keyFile, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(context) == 1
    else {
      throw Self.fault(configuration.keyFile, "expected the PEM key of \(configuration.certificateFile)")
    }
  }

  deinit { SSL_CTX_free(context) }

  /// An `SSL` between two empty memory BIOs, which it owns. The caller frees it. Nil without memory.
  func makeSession(towards host: String) -> OpaquePointer? {
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
    let name = configuration.serverName.isEmpty ? host : configuration.serverName
    let isSet: Bool
    if IPAddress(name) != nil {
      isSet = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1
    } else {
      // RFC 6066 §3: names only.
      isSet = cossl_set_server_name(session, name) == 1 && SSL_set1_host(session, name) == 1
    }
    guard isSet else {
      SSL_free(session)
      return nil
    }
    return session
  }

  private static func fault(_ file: String, _ expected: String) -> RedisFault {
    RedisFault("\(file.isEmpty ? "the system's certificates" : file): \(expected): \(lastError)")
  }

  /// OpenSSL's newest complaint of this thread; its list is empty afterwards.
  static var lastError: String {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    return code == 0 ? "no reason given" : ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
