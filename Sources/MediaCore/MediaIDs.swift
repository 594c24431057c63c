/// One phone leg of the process. Chosen by the gateway, never reused.
public struct PhoneLegID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One WebRTC peer connection of the process. Chosen by the gateway, never reused.
public struct TransportID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One published audio track of the process, of a phone leg or of a WebRTC peer. Chosen by the gateway, never reused.
public struct TrackID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One room of the process. Chosen by the gateway, never reused.
public struct RoomID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}
