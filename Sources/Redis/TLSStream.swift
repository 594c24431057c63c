import COpenSSL

/// The TLS of one connection as a byte machine: ciphertext in and out, plaintext in and out.
///
/// Owns an `SSL`.
struct TLSStream: ~Copyable {
  private let session: OpaquePointer
  private(set) var isEstablished = false

  /// Nil without memory.
  init?(_ settings: TLSSettings, towards host: String) {
    guard let session = settings.makeSession(towards: host) else { return nil }
    self.session = session
  }

  deinit { SSL_free(session) }

  /// Takes what came and returns the plaintext in it; `ciphertext` then has what must be sent. Call it with nothing to
  /// begin.
  mutating func receive(_ bytes: [UInt8]) throws(RedisFault) -> [UInt8] {
    ERR_clear_error()
    if !bytes.isEmpty {
      guard BIO_write(SSL_get_rbio(session), bytes, Int32(bytes.count)) == Int32(bytes.count) else {
        throw RedisFault("no memory for TLS")
      }
    }
    if !isEstablished {
      let result = SSL_do_handshake(session)
      guard result == 1 else {
        guard SSL_get_error(session, result) == SSL_ERROR_WANT_READ else { throw handshakeFault }
        return []
      }
      isEstablished = true
    }
    return try readAll()
  }

  private func readAll() throws(RedisFault) -> [UInt8] {
    var plaintext: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = SSL_read(session, &chunk, Int32(chunk.count))
      guard count > 0 else {
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ: return plaintext
        case SSL_ERROR_ZERO_RETURN: throw RedisFault("the server closed the connection")
        default: throw RedisFault("TLS: \(TLSSettings.lastError)")
        }
      }
      plaintext += chunk[..<Int(count)]
    }
  }

  /// Plaintext to send. Only once it is established.
  func send(_ bytes: [UInt8]) throws(RedisFault) {
    guard !bytes.isEmpty else { return }
    ERR_clear_error()
    guard SSL_write(session, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
      throw RedisFault("TLS: \(TLSSettings.lastError)")
    }
  }

  /// What must go over the wire; each byte once.
  func ciphertext() -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = BIO_read(SSL_get_wbio(session), &chunk, Int32(chunk.count))
      guard count > 0 else { return bytes }
      bytes += chunk[..<Int(count)]
    }
  }

  private var handshakeFault: RedisFault {
    let verdict = SSL_get_verify_result(session)
    if verdict != Int(X509_V_OK) {
      let text = X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "error \(verdict)"
      return RedisFault("TLS: the server's certificate is not accepted: \(text)")
    }
    return RedisFault("TLS: \(TLSSettings.lastError)")
  }
}
