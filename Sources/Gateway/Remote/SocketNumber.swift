import RoomClientCore

/// Which WebSocket of which session: `RoomClient`'s number of a connection.
struct SocketNumber: Hashable, Sendable {
  let session: UInt64
  let id: RoomSocketID

  init(_ session: UInt64, _ id: RoomSocketID) {
    self.session = session
    self.id = id
  }

  init(_ rawValue: UInt64) { self.init(rawValue >> 32, RoomSocketID(rawValue: UInt32(truncatingIfNeeded: rawValue))) }

  var rawValue: UInt64 { session << 32 | UInt64(id.rawValue) }
}
