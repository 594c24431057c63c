/// The sockets of one transport, one for each address family that it has.
public struct TransportPorts: Hashable, Sendable {
  public var v4: MediaPort?
  public var v6: MediaPort?

  public init(v4: MediaPort?, v6: MediaPort? = nil) {
    self.v4 = v4
    self.v6 = v6
  }

  /// The loop's WebRTC port, which all lite transports share.
  static let webRTC = TransportPorts(v4: .webRTC, v6: .webRTC)

  func port(isIPv4: Bool) -> MediaPort? { isIPv4 ? v4 : v6 }

  var all: [MediaPort] { [v4, v6].compactMap { $0 } }
}
