import Base

/// How packets follow each other in a stream.
public enum StreamFraming: Hashable, Sendable {
  /// A length of two bytes before each (RFC 4571 §2), which is what ICE over TCP speaks (RFC 6544 §3).
  case rfc4571
  /// STUN messages and channel data, which say their own length; the latter is padded to four bytes (RFC 8656 §12.5).
  case turn

  /// The largest packet that is taken from a stream, its framing included.
  public static let maximumFrameByteCount = 2_048

  public enum Frame: Hashable, Sendable {
    /// More bytes have to come.
    case incomplete
    /// The packet lies in `range`; the next frame begins at `end`.
    case packet(range: Range<Int>, end: Int)
    /// Not this framing, or too long a packet: the stream is lost.
    case broken
  }

  /// The first frame of `bytes`.
  public func first(in bytes: RawSpan) -> Frame {
    guard bytes.byteCount >= (self == .rfc4571 ? 2 : 4) else { return .incomplete }
    let range: Range<Int>
    let end: Int
    switch self {
    case .rfc4571:
      end = 2 + Int(bytes.uint16(at: 0))
      range = 2..<end
    case .turn:
      let length = Int(bytes.uint16(at: 2))
      switch bytes.uint8(at: 0) >> 6 {
      case 0: (range, end) = (0..<(20 + length), 20 + length)
      case 1: (range, end) = (0..<(4 + length), 4 + (length + 3) & ~3)
      default: return .broken
      }
    }
    guard end <= Self.maximumFrameByteCount else { return .broken }
    return end <= bytes.byteCount ? .packet(range: range, end: end) : .incomplete
  }
}
