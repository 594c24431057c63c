/// Why a transport ended by itself.
public enum TransportFailure: Hashable, Sendable {
  /// No completed DTLS handshake within `connectTimeout`.
  case connectTimeout
  /// The peer's certificate is not the announced one.
  case wrongFingerprint
  case handshakeFailed
  /// STUN requests stopped.
  case consentExpired
  /// The peer sent a DTLS close_notify.
  case closedByPeer
  /// A limit of the loop, or a duplicate id or ufrag.
  case refused
}
