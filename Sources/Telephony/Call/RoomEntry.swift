/// A room and as whom a call joins it.
public struct RoomEntry: Hashable, Sendable {
  public var roomName: String
  public var roomPreset: String
  public var roomConfiguration: RoomConfiguration?
  public var participant: ParticipantProfile
  public var pass: RoomPass

  public init(
    roomName: String, roomPreset: String = "", roomConfiguration: RoomConfiguration? = nil,
    participant: ParticipantProfile, pass: RoomPass = RoomPass()
  ) {
    self.roomName = roomName
    self.roomPreset = roomPreset
    self.roomConfiguration = roomConfiguration
    self.participant = participant
    self.pass = pass
  }
}

/// The way into a room on another server, as far as whoever sends the call there brings it along.
public struct RoomPass: Hashable, Sendable {
  /// `wss://…`. Empty: the gateway's own `ws_url`.
  public var url: String
  /// Signed by whoever brings it. Empty: the gateway signs one.
  public var token: String
  /// An encoded `livekit.RoomConfiguration` for the token that the gateway signs. Empty: what the entry says.
  public var roomConfiguration: [UInt8]

  public init(url: String = "", token: String = "", roomConfiguration: [UInt8] = []) {
    self.url = url
    self.token = token
    self.roomConfiguration = roomConfiguration
  }
}

extension Dispatch {
  public var entry: RoomEntry {
    RoomEntry(
      roomName: roomName, roomPreset: roomPreset, roomConfiguration: roomConfiguration, participant: participant,
      pass: pass)
  }
}
