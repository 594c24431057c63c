/// One open signalling connection. Chosen by the gateway, never reused.
public struct SessionID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// The media of one room: `RoomID` of the media loop, allocated here.
public struct MediaRoomID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One peer connection: `TransportID` of the media loop, allocated here.
public struct MediaTransportID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One published track: `TrackID` of the media loop, allocated here.
public struct MediaTrackID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}
