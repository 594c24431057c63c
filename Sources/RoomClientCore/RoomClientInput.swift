import Base
import LiveKitProtocol
import RoomCore

/// One WebSocket of a session. Chosen by the session, never reused in it.
public struct RoomSocketID: Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// Something that happened to a session.
public enum RoomClientInput: Sendable {
  /// Once, first of all.
  case start
  /// The answer to `RoomClientAction.prepare`: where each transport can be reached, the preferred first. A transport
  /// that is missing has no port; without a token, where one is needed, none could be made.
  case prepared(token: String?, ports: [MediaTransportID: [Endpoint]])

  case socketOpened(RoomSocketID)
  /// The server answered the upgrade with another status than 101; `reason` is its word for it, perhaps empty.
  case socketRefused(RoomSocketID, status: Int, reason: String)
  /// It could not be opened, or is gone.
  case socketClosed(RoomSocketID, reason: String)
  case message(RoomSocketID, Livekit_SignalResponse)
  /// The answer to `RoomClientAction.findRegions`, the best first.
  case regions([RoomServerURL])

  case transportConnected(MediaTransportID)
  case transportInterrupted(MediaTransportID)
  case transportResumed(MediaTransportID)
  case transportFailed(MediaTransportID, reason: String)
  case localCandidate(MediaTransportID, ICECandidate)
  case dataChannelOpened(MediaTransportID, label: String)
  case data(MediaTransportID, label: String, [UInt8])
  /// The first packet of a track that is published to the media loop.
  case trackActive(MediaTrackID)

  /// Sets attributes of ours; an empty value removes one.
  case setAttributes([String: String])
  /// Reliable data from us.
  case send(Livekit_DataPacket)
  case leave(Livekit_DisconnectReason)

  /// Time has passed. Wanted ten times a second.
  case tick
}
