import Base
import LiveKitProtocol
import SDP

/// A track that a participant announced; published once its media section is negotiated.
struct PublishedTrack: Sendable {
  let id: MediaTrackID
  /// The client's own name for it: the track id in its offer's `a=msid`.
  let cid: String
  var info: Livekit_TrackInfo
  /// Nil until negotiated.
  var codec: RoomCodec?
  /// What the media loop was told. Nil for a local participant's track.
  var receive: RoomReceiveTrack?
  /// Its first packet arrived.
  var isActive = false
  /// Its publisher was told that someone is subscribed.
  var isReportedSubscribed = false

  var level: Float = 0
  var isSpeaking = false
  var reception = Reception()

  var isPublished: Bool { codec != nil }
}

/// How well a stream arrives.
struct Reception: Hashable, Sendable {
  /// Share of packets lost in the last second, 0…1.
  var loss: Float = 0
  var jitter = Duration.zero

  var quality: Livekit_ConnectionQuality {
    if loss < 0.03 && jitter < .milliseconds(40) { return .excellent }
    return loss < 0.08 && jitter < .milliseconds(100) ? .good : .poor
  }
}

extension Livekit_TrackInfo {
  /// The sid's prefix: `TR_`, a letter for the kind and one for the source (livekit-wire 4.1).
  static func sidPrefix(type: Livekit_TrackType, source: Livekit_TrackSource) -> String {
    let kind = type == .video ? "V" : "A"
    switch source {
    case .camera: return "TR_\(kind)C"
    case .microphone: return "TR_\(kind)M"
    case .screenShare: return "TR_\(kind)S"
    case .screenShareAudio: return "TR_\(kind)s"
    case .unknown, .UNRECOGNIZED: return "TR_\(kind)"
    }
  }
}

extension RoomCodec {
  var mimeType: String { "audio/" + name }
}
