import Base

/// What is fixed for the life of a phone leg.
public struct PhoneLegConfiguration: Hashable, Sendable {
  public var id: PhoneLegID
  /// The longest silence on the wire after the first packet before `MediaEvent.phoneMediaTimedOut`.
  /// It does not run while the call is on hold. Nil: none.
  public var mediaTimeout: Duration?
  /// The same from the first negotiation (or the end of a hold) to the first packet. Nil: none.
  public var initialMediaTimeout: Duration?
  /// Who may send to the leg.
  public var sourcePolicy: PhoneSourcePolicy

  public init(
    id: PhoneLegID, mediaTimeout: Duration? = .seconds(15), initialMediaTimeout: Duration? = .seconds(30),
    sourcePolicy: PhoneSourcePolicy = .negotiatedOrLearnedBehindNAT
  ) {
    self.id = id
    self.mediaTimeout = mediaTimeout
    self.initialMediaTimeout = initialMediaTimeout
    self.sourcePolicy = sourcePolicy
  }
}

/// Which source a phone leg accepts RTP from, and therefore sends to.
public enum PhoneSourcePolicy: Hashable, Sendable {
  /// Only the address and port of the peer's SDP.
  case negotiated
  /// The address of the peer's SDP with the first port that sends, locked from then on. When the peer may be behind
  /// NAT (`PhoneMedia.mayBeBehindNAT`): as `learned`.
  case negotiatedOrLearnedBehindNAT
  /// The SDP's address, the one that signalling comes from, or else the source that sends the first five packets in
  /// sequence; locked from then on.
  case learned
}

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

/// A repeating tone that a phone leg hears instead of its room.
public struct PhoneTone: Hashable, Sendable {
  /// One or two sine waves; a second frequency of 0 means one.
  public var firstHz: Int
  public var secondHz: Int
  public var on: Duration
  /// Zero: the tone never pauses.
  public var off: Duration

  public init(firstHz: Int, secondHz: Int = 0, on: Duration, off: Duration) {
    self.firstHz = firstHz
    self.secondHz = secondHz
    self.on = on
    self.off = off
  }

  /// 425 Hz, 1 s in 5: what a caller hears while another phone rings (ITU-T E.180 recommended).
  public static let ringback = PhoneTone(firstHz: 425, on: .seconds(1), off: .seconds(4))
  /// 425 Hz, half a second in one: busy (ITU-T E.180 recommended).
  public static let busy = PhoneTone(firstHz: 425, on: .milliseconds(500), off: .milliseconds(500))
}
