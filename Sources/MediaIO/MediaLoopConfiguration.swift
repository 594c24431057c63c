import Base
import MediaCore

/// What is fixed for the life of a media loop.
public struct MediaLoopConfiguration: Sendable {
  /// 0 for the first loop; names the thread `media-N`.
  public var index: Int
  /// Addresses on which the WebRTC port is bound: one IPv4, one IPv6, or both.
  public var webRTCAddresses: [IPAddress]
  /// `rtc.udp_port` + index. 0: any free port (tests).
  public var webRTCPort: UInt16
  public var limits: MediaLimits
  /// Whom TURN servers with TLS are checked against. Nil: such servers are not used.
  public var authorities: TLSAuthorities?

  public init(
    index: Int, webRTCAddresses: [IPAddress], webRTCPort: UInt16, limits: MediaLimits = MediaLimits(),
    authorities: TLSAuthorities? = nil
  ) {
    self.index = index
    self.webRTCAddresses = webRTCAddresses
    self.webRTCPort = webRTCPort
    self.limits = limits
    self.authorities = authorities
  }
}
