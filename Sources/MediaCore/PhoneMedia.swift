import Base

/// What offer and answer agreed for a phone leg; again after every re-INVITE.
public struct PhoneMedia: Hashable, Sendable {
  public enum Codec: Hashable, Sendable {
    case pcmu
    case pcma
  }

  public var codec: Codec
  public var payloadType: UInt8
  /// The telephone-event payload type (RFC 4733). Nil: digits are played into the audio.
  public var eventPayloadType: UInt8?
  /// Audio per packet that we send, 10–60 ms; rounded to a multiple of 10.
  public var packetTime: Duration
  /// Where the peer's SDP says to send.
  public var remote: Endpoint
  /// The peer's address may not be the one its packets come from.
  public var mayBeBehindNAT: Bool
  /// Where the peer's signalling comes from: a source behind NAT that is learned without probation.
  public var signallingAddress: IPAddress?
  /// We may send (our direction is `sendrecv` or `sendonly`).
  public var sends: Bool
  /// The peer may send (our direction is `sendrecv` or `recvonly`). What comes otherwise is dropped.
  public var receives: Bool
  /// One side holds the call: no media timeout runs.
  public var isOnHold: Bool

  public init(
    codec: Codec, payloadType: UInt8, eventPayloadType: UInt8?, packetTime: Duration = .milliseconds(20),
    remote: Endpoint, mayBeBehindNAT: Bool = false, signallingAddress: IPAddress? = nil, sends: Bool = true,
    receives: Bool = true, isOnHold: Bool = false
  ) {
    self.codec = codec
    self.payloadType = payloadType
    self.eventPayloadType = eventPayloadType
    self.packetTime = packetTime
    self.remote = remote
    self.mayBeBehindNAT = mayBeBehindNAT
    self.signallingAddress = signallingAddress
    self.sends = sends
    self.receives = receives
    self.isOnHold = isOnHold
  }
}
