import COpenSSL

/// The TLS of one connection as a byte machine: ciphertext in and out, plaintext in and out.
///
/// Owns an `SSL`.
struct TLSStream: ~Copyable {
  enum Handshake { case underWay, complete, failed }
  enum ReadResult {
    case bytes(Int)
    /// More ciphertext has to come.
    case empty
    /// The server has closed, or broken the protocol.
    case over
  }

  private let session: OpaquePointer

  /// Nil when memory is short or the name is none.
  init?(_ authorities: TLSAuthorities, towards name: String) {
    guard let session = authorities.makeSession(towards: name) else { return nil }
    self.session = session
  }

  deinit { SSL_free(session) }

  /// Takes ciphertext. False when memory is short.
  func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
    BIO_write(SSL_get_rbio(session), bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count)
  }

  func handshake() -> Handshake {
    ERR_clear_error()
    let result = SSL_do_handshake(session)
    if result == 1 { return .complete }
    return SSL_get_error(session, result) == SSL_ERROR_WANT_READ ? .underWay : .failed
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    ERR_clear_error()
    let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return .bytes(Int(count)) }
    return SSL_get_error(session, count) == SSL_ERROR_WANT_READ ? .empty : .over
  }

  /// Encrypts all of `bytes`. False when memory is short, or before the handshake.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    ERR_clear_error()
    return SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count)) == Int32(bytes.count)
  }

  /// Moves ciphertext that is to be sent into `buffer` and returns how much; each byte once.
  func takeCiphertext(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    Int(max(0, BIO_read(SSL_get_wbio(session), buffer.baseAddress, Int32(clamping: buffer.count))))
  }
}
