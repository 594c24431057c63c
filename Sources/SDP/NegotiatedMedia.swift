import Base

/// A codec of the phone leg.
public enum AudioCodec: String, Hashable, Sendable, CaseIterable {
  case pcmu = "PCMU"
  case pcma = "PCMA"

  /// The clock of the RTP timestamps.
  public var clockRateHz: Int { 8_000 }
  /// RFC 3551 table 4.
  public var payloadType: UInt8 { self == .pcmu ? 0 : 8 }

  /// Nil when the codec is none of ours.
  public init?(_ codec: RTPCodec) {
    guard let match = Self.allCases.first(where: { codec.isNamed($0.rawValue) }),
      codec.clockRateHz == match.clockRateHz, codec.channelCount == 1
    else { return nil }
    self = match
  }
}

/// Our side of the phone leg's media.
public struct LocalMedia: Hashable, Sendable {
  /// Where the peer shall send to.
  public var endpoint: Endpoint
  /// In the order our own offers name them. An answer takes the first of the peer's list that is here.
  public var codecs: [AudioCodec]
  public var direction: MediaDirection
  /// The packet time we ask for in our own offers, in milliseconds.
  public var packetTime: Int

  public init(
    endpoint: Endpoint, codecs: [AudioCodec] = [.pcmu, .pcma], direction: MediaDirection = .sendRecv,
    packetTime: Int = 20
  ) {
    self.endpoint = endpoint
    self.codecs = codecs
    self.direction = direction
    self.packetTime = packetTime
  }
}

/// What offer and answer agreed on for the phone leg.
public struct NegotiatedMedia: Hashable, Sendable {
  public var codec: AudioCodec
  public var payloadType: UInt8
  /// The telephone-event type whose clock is the codec's. Nil when the peer takes none.
  public var telephoneEventPayloadType: UInt8?
  /// Milliseconds of audio in each packet we send: 10, 20, … 60.
  public var packetTime: Int
  /// Where we send to.
  public var remote: Endpoint
  /// Ours: `sendOnly` means that we send and the peer does not.
  public var direction: MediaDirection

  public init(
    codec: AudioCodec, payloadType: UInt8, telephoneEventPayloadType: UInt8?, packetTime: Int, remote: Endpoint,
    direction: MediaDirection
  ) {
    self.codec = codec
    self.payloadType = payloadType
    self.telephoneEventPayloadType = telephoneEventPayloadType
    self.packetTime = packetTime
    self.remote = remote
    self.direction = direction
  }

  /// The peer wants no audio from us: `sendonly`, `inactive` or `c=0.0.0.0` (RFC 3264 §8.4).
  public var isOnHold: Bool { !direction.sends }

  /// The peer named an address that means nothing outside its own network: learn its address from its packets.
  public var remoteIsPrivate: Bool { remote.address.isPrivate }
}
