import Base

/// What a datagram on a shared port is, told by its first bytes (RFC 7983 §7, RFC 5761 §4).
public enum DatagramKind: Sendable {
  case stun, dtls, rtp, rtcp, unknown

  public init(_ datagram: RawSpan) {
    guard datagram.byteCount >= 2 else {
      self = .unknown
      return
    }
    switch datagram.uint8(at: 0) {
    case 0...3: self = .stun
    case 20...63: self = .dtls
    // With the marker bit, RTP payload types 64–95 would read as RTCP packet types: RFC 5761 forbids them.
    case 128...191: self = (192...223).contains(datagram.uint8(at: 1)) ? .rtcp : .rtp
    default: self = .unknown
    }
  }
}
