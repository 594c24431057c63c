import LiveKitProtocol
import SDP

/// What one participant has to do with one track of another.
struct Subscription: Sendable {
  let track: MediaTrackID
  let trackSID: String
  let publisherSID: String
  var codec: RoomCodec
  /// Place in the order of publishing: earlier tracks get a media section first.
  let number: UInt64
  /// By auto-subscription or by request.
  var isWanted: Bool
  /// By the publisher's subscription permissions.
  var isAllowed = true
  /// The client asks for no packets at the moment (`UpdateTrackSettings.disabled`).
  var isDisabled = false
  /// The media section that carries it, once one is agreed or offered.
  var mid: String?
  /// What the media loop was told. Nil while no packets are sent.
  var sending: RoomSendTrack?
}
