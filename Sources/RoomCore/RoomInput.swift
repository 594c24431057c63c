import Base
import LiveKitProtocol

/// Something that happened: a client's message, a media event, the passing of time.
public enum RoomInput: Sendable {
  /// A WebSocket is open, its token is verified and `RoomServerCore.refusal(of:)` was nil.
  case join(SessionID, JoinIntent)
  case request(SessionID, Livekit_SignalRequest)
  /// The WebSocket is gone, by whichever side.
  case sessionClosed(SessionID)

  case transportConnected(MediaTransportID)
  /// No DTLS, no consent, or closed by the peer.
  case transportFailed(MediaTransportID)
  case dataChannelOpened(MediaTransportID, label: String)
  case data(MediaTransportID, label: String, [UInt8])
  /// The first packet of a published track arrived.
  case trackActive(MediaTrackID)
  /// The first packet of a track left for a subscriber.
  case trackFlowing(MediaTrackID, to: MediaTransportID)
  /// Loudness 0…1 since the last report; then `audioLevelsReported` for the room.
  case audioLevel(MediaTrackID, level: Float, isActive: Bool)
  case audioLevelsReported(MediaRoomID)
  /// How a published track arrives: share of packets lost, 0…1, and jitter in the last second.
  case trackReceived(MediaTrackID, loss: Float, jitter: Duration)
  /// How a track reaches a subscriber, from its receiver reports.
  case trackSent(MediaTrackID, to: MediaTransportID, loss: Float, jitter: Duration)

  /// Time has passed. Wanted four times a second: time-outs, connection quality, room updates.
  case tick
}

/// Who wants to join what: a verified token and the query it came with.
public struct JoinIntent: Sendable {
  public var grants: Grants
  public var query: SignalQuery

  public init(grants: Grants, query: SignalQuery) {
    self.grants = grants
    self.query = query
  }

  /// The token's room, or the query's when the token names none.
  public var roomName: String {
    let granted = grants.video.room ?? ""
    return granted.isEmpty ? query.room ?? "" : granted
  }
}

/// Why a join is refused before the WebSocket opens.
public struct JoinRefusal: Error, Hashable, Sendable {
  /// HTTP: 400, 401, 404, 503.
  public let status: Int
  /// One sentence for the client's log.
  public let reason: String
}
