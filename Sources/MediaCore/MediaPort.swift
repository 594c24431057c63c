/// The socket a datagram arrives on or leaves by: the WebRTC port of the loop or the RTP port of one phone leg.
public struct MediaPort: Hashable, Sendable {
  /// Slot in the loop's table of RTP ports, or `webRTC`.
  public let index: Int32

  public init(index: Int32) { self.index = index }

  public static let webRTC = MediaPort(index: -1)
  public var isWebRTC: Bool { index < 0 }
}
