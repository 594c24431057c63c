/// How the packets of a track that a WebRTC peer publishes are recognised and read.
public struct ReceiveTrack: Hashable, Sendable {
  /// The announced SSRC (`a=ssrc`). Nil: the first stream whose mid, or else whose payload type, fits and which
  /// belongs to no other track.
  public var ssrc: UInt32?
  /// The media section's `a=mid`, at most 16 bytes.
  public var mid: String?
  public var payloadType: UInt8
  public var codec: TrackCodec
  /// `a=extmap` id of `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464).
  public var levelExtensionID: UInt8?
  /// `a=extmap` id of `urn:ietf:params:rtp-hdrext:sdes:mid`.
  public var midExtensionID: UInt8?

  public init(
    ssrc: UInt32?, mid: String? = nil, payloadType: UInt8, codec: TrackCodec = .opus, levelExtensionID: UInt8? = nil,
    midExtensionID: UInt8? = nil
  ) {
    self.ssrc = ssrc
    self.mid = mid
    self.payloadType = payloadType
    self.codec = codec
    self.levelExtensionID = levelExtensionID
    self.midExtensionID = midExtensionID
  }
}
