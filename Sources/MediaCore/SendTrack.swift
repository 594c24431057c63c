/// The stream in which a WebRTC peer gets one track. The same `ssrc` may be given to another track later: its
/// sequence numbers and timestamps go on without a break.
public struct SendTrack: Hashable, Sendable {
  public var ssrc: UInt32
  public var payloadType: UInt8
  public var codec: TrackCodec
  /// The media section's `a=mid`, at most 16 bytes; sent in every packet when `midExtensionID` is there.
  public var mid: String?
  public var midExtensionID: UInt8?
  /// `a=extmap` id of `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464): how loud a phone's packets are.
  public var levelExtensionID: UInt8?

  public init(
    ssrc: UInt32, payloadType: UInt8, codec: TrackCodec = .opus, mid: String? = nil, midExtensionID: UInt8? = nil,
    levelExtensionID: UInt8? = nil
  ) {
    self.ssrc = ssrc
    self.payloadType = payloadType
    self.codec = codec
    self.mid = mid
    self.midExtensionID = midExtensionID
    self.levelExtensionID = levelExtensionID
  }
}
