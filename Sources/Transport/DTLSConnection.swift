import Base

/// One DTLS 1.2 association with SRTP key export (RFC 6347, RFC 5764). Bytes in, bytes out:
///
///     start()                      // client role: writes the first flight
///     receive(datagram)            // then while read(into:) gives bytes: pass them to DataChannels.receive
///     handleTimeout()              // on each tick until it is connected
///     nextDatagram(into:)          // after each of these, until it returns 0
///
/// A flight that is lost is sent again by `handleTimeout`, first after 100 ms, doubling up to 2 s. That one clock is
/// OpenSSL's own: its deadline cannot be given from outside.
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
  /// Largest plaintext of one record that still fits a datagram.
  public static let maximumPlaintextByteCount = maximumDatagramByteCount - 13 - 8 - 16
  /// Handshakes begun again because a datagram broke the one before.
  public static let maximumRestartCount = 16

  public private(set) var state = State.handshaking
  /// Handshakes begun again so far.
  public private(set) var restartCount = 0

  /// Nil when memory is short. `peerFingerprints`: the handshake fails unless the peer's certificate has one of them.
  public static func make(_ context: DTLSContext, role: Role, peerFingerprints: [DTLSFingerprint]) -> DTLSConnection? {
    nil
  }

  private init() {}

  /// Begins the handshake in the client role; nothing in the server role.
  public mutating func start() {}

  /// Takes one datagram whose first byte is 20…63 (RFC 7983).
  public mutating func receive(_ datagram: RawSpan) {}

  /// Sends the last flight again when its time is up.
  public mutating func handleTimeout() {}

  /// Hands out the plaintext of one record. `buffer` should hold 16 KiB, DTLS's largest record.
  public mutating func read(into buffer: inout MutableRawSpan) -> ReadResult { .empty }

  /// Encrypts one record. False before `connected`, for more than `maximumPlaintextByteCount` bytes, or when
  /// 256 KiB wait for `nextDatagram`.
  public mutating func write(_ plaintext: RawSpan) -> Bool { false }

  /// Writes the next datagram to send and returns its length, 0 when there is none.
  /// `buffer` must hold `maximumDatagramByteCount` bytes.
  public mutating func nextDatagram(into buffer: inout MutableRawSpan) -> Int { 0 }

  /// Queues a close_notify alert. Idempotent.
  public mutating func close() {}
}
