/// What rooms allow, and how WebRTC reaches them (`room`, `rtc`).
public struct RoomSettings: Sendable, Equatable {
  /// The first participant's join creates the room (`room.auto_create`). Dispatched calls always may.
  public var isCreatedByJoin = true
  /// A room that nobody has joined closes after this (`room.empty_timeout`).
  public var emptyTimeout: Duration = .seconds(300)
  /// A room that everyone has left closes after this (`room.departure_timeout`).
  public var departureTimeout: Duration = .seconds(20)
  /// 0: no limit (`room.max_participants`).
  public var maximumParticipants = 0
  /// WebRTC ports, one for each media loop; the first where only one was given (`rtc.udp_port`).
  public var udpPorts: ClosedRange<UInt16> = 7882...7882
  /// WebRTC port of the first media loop; loop n listens on this + n.
  public var udpPort: UInt16 { udpPorts.lowerBound }
  /// The host candidate in our SDP (`rtc.node_ip`, `rtc.use_external_ip`; else as `MediaSettings.announced`).
  public var announced = AnnouncedAddress.local

  public init() {}
}
