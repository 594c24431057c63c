/// Why a capture file cannot be read.
public struct CaptureError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where in the file, in bytes from its start.
  public let offset: Int
  /// What was found and what was expected.
  public let reason: String

  public init(at offset: Int, _ reason: String) {
    self.offset = offset
    self.reason = reason
  }

  public var description: String { "byte \(offset): \(reason)" }
}

/// Bounds on a capture file that a user hands us.
public enum CaptureLimits {
  /// libpcap's own limit on one frame.
  public static let frameByteCount = 262_144
  /// Frames of one file: two hours of one call both ways.
  public static let frameCount = 1_000_000
  /// A SIP message, with room for a browser's session description.
  public static let messageByteCount = 65_536
  public static let headerCount = 256
  /// Bytes that a TCP flow or a fragmented datagram may hold back, waiting for a missing piece.
  public static let pendingByteCount = 262_144
  public static let flowCount = 4_096
}
