/// A room and as whom a call joins it.
public struct RoomEntry: Hashable, Sendable {
  public var roomName: String
  public var roomPreset: String
  public var roomConfiguration: RoomConfiguration?
  public var participant: ParticipantProfile

  public init(
    roomName: String, roomPreset: String = "", roomConfiguration: RoomConfiguration? = nil,
    participant: ParticipantProfile
  ) {
    self.roomName = roomName
    self.roomPreset = roomPreset
    self.roomConfiguration = roomConfiguration
    self.participant = participant
  }
}

extension Dispatch {
  public var entry: RoomEntry {
    RoomEntry(
      roomName: roomName, roomPreset: roomPreset, roomConfiguration: roomConfiguration, participant: participant)
  }
}
