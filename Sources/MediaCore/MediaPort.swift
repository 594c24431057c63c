/// The socket a datagram arrives on or leaves by: the WebRTC port of the loop, a port of a phone leg's or a transport's
/// own, or a connection of a transport's.
public struct MediaPort: Hashable, Sendable {
  /// Slot in the loop's table of leased ports; below zero `webRTC`, and below that a connection.
  public let index: Int32

  public init(index: Int32) { self.index = index }

  public static let webRTC = MediaPort(index: -1)
  public var isWebRTC: Bool { index == -1 }

  /// `number` counts from zero.
  public static func stream(_ number: Int) -> MediaPort { MediaPort(index: -2 - Int32(number)) }
  /// Nil for a port of datagrams.
  public var streamNumber: Int? { index <= -2 ? -2 - Int(index) : nil }
}
