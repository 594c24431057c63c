import Base
import COpenSSL

/// One DTLS 1.2 association with SRTP key export (RFC 6347, RFC 5764). Bytes in, bytes out:
///
///     start()                      // client role: writes the first flight
///     receive(datagram)            // then, while read(into:) gives bytes: pass them to DataChannels.receive
///     handleTimeout()              // on each tick until it is connected
///     nextDatagram(into:)          // after each of these, until it returns 0
///
/// A flight that is lost is sent again by `handleTimeout`, first after 100 ms, doubling up to 2 s. That one clock is
/// OpenSSL's own: its deadline cannot be given from outside. A whole handshake's deadline is the caller's.
///
/// Owns an `SSL` with its two memory BIOs.
public struct DTLSConnection: ~Copyable {
  public enum Role: Hashable, Sendable { case server, client }

  public enum Failure: Hashable, Sendable {
    /// The peer's certificate is none of those that signalling announced.
    case wrongFingerprint
    /// The peer supports neither profile.
    case noSRTPProfile
    /// `maximumRestartCount` handshakes went wrong, or 12 flights stayed without answer.
    case handshake
  }

  public enum State: Hashable, Sendable {
    case handshaking
    case connected(SRTPKeys)
    /// The peer sent close_notify, or `close` was called.
    case closed
    case failed(Failure)
  }

  public enum ReadResult: Hashable, Sendable {
    /// One record's plaintext.
    case bytes(Int)
    case empty
  }

  /// Largest datagram made, IP and UDP headers not counted.
  public static let maximumDatagramByteCount = 1200
  /// Largest plaintext whose record (header, explicit nonce, tag) still fits a datagram.
  public static let maximumPlaintextByteCount = maximumDatagramByteCount - 13 - 8 - 16
  /// Handshakes begun again because a datagram broke the one before. Whoever can forge the peer's address can cause
  /// one each, so that there must be an end.
  public static let maximumRestartCount = 16
  private static let maximumPendingByteCount = 256 << 10

  public private(set) var state = State.handshaking
  /// Handshakes begun again so far.
  public private(set) var restartCount = 0

  private let context: DTLSContext
  private let role: Role
  private let peerFingerprints: [DTLSFingerprint]
  private var session: OpaquePointer

  /// The handshake fails unless the peer's certificate has one of `peerFingerprints`. Nil when memory is short.
  public init?(_ context: DTLSContext, role: Role, peerFingerprints: [DTLSFingerprint]) {
    guard let session = context.makeSession(role) else { return nil }
    self.session = session
    self.context = context
    self.role = role
    self.peerFingerprints = peerFingerprints
  }

  deinit { SSL_free(session) }

  /// Begins the handshake in the client role; nothing in the server role.
  public mutating func start() {
    if role == .client, state == .handshaking { continueHandshake() }
  }

  /// Takes one datagram whose first byte is 20…63 (RFC 7983).
  public mutating func receive(_ datagram: RawSpan) {
    switch state {
    case .handshaking:
      guard DTLSRecord.areWellFormed(datagram), DTLSRecord.mayBelongToHandshake(datagram, receiver: role) else {
        return
      }
      feed(datagram)
      continueHandshake()
    case .connected:
      if DTLSRecord.areWellFormed(datagram) { feed(datagram) }
    case .closed, .failed: return
    }
  }

  /// Sends the last flight again when its time is up.
  public mutating func handleTimeout() {
    guard case .handshaking = state else { return }
    ERR_clear_error()
    if cossl_dtls_handle_timeout(session) < 0 { state = .failed(.handshake) }
  }

  /// Hands out the plaintext of one record. `buffer` should hold 16 KiB, DTLS's largest record.
  public mutating func read(into buffer: inout MutableRawSpan) -> ReadResult {
    guard case .connected = state else { return .empty }
    let session = session
    // The thread's error queue may hold what another connection left; SSL_get_error would take it for ours.
    ERR_clear_error()
    let count = buffer.withUnsafeMutableBytes { SSL_read(session, $0.baseAddress, Int32(clamping: $0.count)) }
    if count > 0 { return .bytes(Int(count)) }
    if SSL_get_error(session, count) != SSL_ERROR_WANT_READ { state = .closed }
    return .empty
  }

  /// Encrypts one record. False before `connected`, for more than `maximumPlaintextByteCount` bytes, or when
  /// 256 KiB wait for `nextDatagram`.
  public mutating func write(_ plaintext: RawSpan) -> Bool {
    guard case .connected = state, (1...Self.maximumPlaintextByteCount).contains(plaintext.byteCount),
      BIO_ctrl_pending(SSL_get_wbio(session)) <= Self.maximumPendingByteCount
    else { return false }
    ERR_clear_error()
    let session = session
    return plaintext.withUnsafeBytes { SSL_write(session, $0.baseAddress, Int32($0.count)) > 0 }
  }

  /// Writes the next datagram to send and returns its length, 0 when there is none.
  /// `buffer` must hold `maximumDatagramByteCount` bytes.
  ///
  /// A memory BIO is a byte stream that has forgotten where one write ended, so records are found by their headers
  /// and packed again.
  public mutating func nextDatagram(into buffer: inout MutableRawSpan) -> Int {
    precondition(buffer.byteCount >= Self.maximumDatagramByteCount, "\(buffer.byteCount) bytes are too few")
    let outgoing = SSL_get_wbio(session)
    var start: UnsafeMutablePointer<CChar>?
    let pending = cossl_bio_mem_data(outgoing, &start)
    guard pending > 0, let start else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: start, count: pending)
    let count = DTLSRecord.byteCount(of: bytes, upTo: Self.maximumDatagramByteCount)
    guard count > 0 else {
      _ = cossl_bio_reset(outgoing)
      return 0
    }
    return buffer.withUnsafeMutableBytes { Int(max(BIO_read(outgoing, $0.baseAddress, Int32(count)), 0)) }
  }

  /// Queues a close_notify alert. Idempotent.
  public mutating func close() {
    if case .connected = state {
      ERR_clear_error()
      SSL_shutdown(session)
    }
    if case .failed = state { return }
    state = .closed
  }

  private mutating func feed(_ datagram: RawSpan) {
    let incoming = SSL_get_rbio(session)
    // What an earlier datagram left unread is not to be taken for the beginning of this one.
    _ = cossl_bio_reset(incoming)
    datagram.withUnsafeBytes { _ = BIO_write(incoming, $0.baseAddress, Int32($0.count)) }
  }

  private mutating func continueHandshake() {
    ERR_clear_error()
    let result = SSL_do_handshake(session)
    if result == 1 {
      complete()
    } else if SSL_get_error(session, result) != SSL_ERROR_WANT_READ {
      restart()
    }
  }

  /// Begins anew after a handshake message that made no sense: anyone who forges the peer's address can send one, and
  /// it must not end the call. The alert that OpenSSL would send is dropped with the old session.
  private mutating func restart() {
    restartCount += 1
    guard restartCount <= Self.maximumRestartCount, let fresh = context.makeSession(role) else {
      state = .failed(.handshake)
      return
    }
    SSL_free(session)
    session = fresh
    start()
  }

  private mutating func complete() {
    guard isPeerExpected() else {
      state = .failed(.wrongFingerprint)
      return
    }
    guard let keys = DTLSKeyExport.srtpKeys(of: session, role: role) else {
      state = .failed(.noSRTPProfile)
      return
    }
    state = .connected(keys)
  }

  private func isPeerExpected() -> Bool {
    guard let certificate = SSL_get1_peer_certificate(session) else { return false }
    defer { X509_free(certificate) }
    guard let fingerprint = DTLSFingerprint(of: certificate) else { return false }
    return peerFingerprints.contains(fingerprint)
  }
}
