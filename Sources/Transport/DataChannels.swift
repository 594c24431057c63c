import Base

/// The data channels of one peer connection: SCTP over DTLS (RFC 8261), channels opened by DCEP (RFC 8832) from
/// either side. Both sides connect, from port 5000 to port 5000.
///
/// After each call, and on each tick after `SCTPStack.advance`: `nextPacket` until it returns 0, each packet into
/// `DTLSConnection.write`; `nextEvent` until it is nil.
public struct DataChannels: ~Copyable {
  /// A channel's SCTP stream number.
  public typealias StreamID = UInt16

  /// RFC 8832 §5.1.
  public enum Reliability: Hashable, Sendable {
    case reliable
    case retransmissions(UInt32)
    case milliseconds(UInt32)
  }

  public enum Event: Hashable, Sendable {
    /// The association is up; channels that were asked for before are being opened.
    case connected
    /// The peer opened a channel, or acknowledged ours: messages may be sent.
    case opened(StreamID, label: String)
    case message(StreamID, label: String, bytes: [UInt8], isText: Bool)
    case closed(StreamID, label: String)
    /// The association is gone; nothing follows.
    case disconnected
  }

  public enum SendResult: Hashable, Sendable {
    case queued
    /// `maximumQueuedByteCount` wait for the peer.
    case full
    /// Longer than `maximumMessageByteCount`.
    case tooLong
    /// No such channel, or no association.
    case closed
  }

  /// Messages either way (the `max-message-size` to announce).
  public static let maximumMessageByteCount = 256 << 10
  /// Bytes kept for a peer that does not acknowledge.
  public static let maximumQueuedByteCount = 1 << 20
  /// Streams each way: three channels are in use by the stock clients.
  public static let maximumStreamCount = 64

  /// Begins to connect. `role` is our DTLS role: it tells whose streams are even (RFC 8832 §6).
  /// Nil when usrsctp has no memory.
  public static func open(dtlsRole role: DTLSConnection.Role) -> DataChannels? { nil }

  private init() {}

  /// Takes one SCTP packet, the plaintext of one DTLS record.
  public mutating func receive(_ packet: RawSpan) {}

  /// Writes the next SCTP packet to send and returns its length, 0 when there is none. `buffer` must hold
  /// `DTLSConnection.maximumPlaintextByteCount` bytes.
  public mutating func nextPacket(into buffer: inout MutableRawSpan) -> Int { 0 }

  public mutating func nextEvent() -> Event? { nil }

  /// Opens a channel; `opened` tells when it may be used. Nil when all streams are taken or it is disconnected.
  public mutating func openChannel(
    label: String, isOrdered: Bool = true, reliability: Reliability = .reliable
  ) -> StreamID? { nil }

  public mutating func send(_ message: RawSpan, on stream: StreamID, isText: Bool = false) -> SendResult { .closed }

  /// The open channel of that name; the first when there are several.
  public func stream(labelled label: String) -> StreamID? { nil }

  /// Resets the channel's stream (RFC 8831 §6.7).
  public mutating func closeChannel(_ stream: StreamID) {}

  /// Aborts the association; `nextPacket` has the ABORT. Idempotent.
  public mutating func close() {}
}
