/// How the phone legs of one room are encoded for its WebRTC subscribers.
public struct RoomMediaOptions: Hashable, Sendable {
  /// The codec that phone legs publish in. With `pcmu` a µ-law phone leg is passed on without transcoding.
  public var codec: RoomCodec
  /// Read when `codec` is `opus`.
  public var opus: OpusOptions

  public init(codec: RoomCodec = .opus, opus: OpusOptions = OpusOptions()) {
    self.codec = codec
    self.opus = opus
  }
}

public enum RoomCodec: Hashable, Sendable {
  case opus
  case pcmu
}
