/// Why a participant is no longer in the room; raw values are those of LiveKit's `DisconnectReason`.
public enum DisconnectReason: Int, Sendable, Hashable, CaseIterable {
  case unknown = 0
  case clientInitiated = 1
  case serverShutdown = 3
  case participantRemoved = 4
  case roomDeleted = 5
  case joinFailure = 7
  case roomClosed = 10
  /// Nobody answered, or the number is not reachable.
  case userUnavailable = 11
  /// Busy, declined, not allowed.
  case userRejected = 12
  case sipTrunkFailure = 13
  case connectionTimeout = 14
  case mediaFailure = 15
}
