import Base

/// The HTTP and WebSocket port that clients of the rooms reach (`port`, `bind_addresses`).
public struct WebSettings: Sendable, Equatable {
  /// A member of a cluster has no such port unless `port` is given: livekit-server may stand on the same machine.
  public var isServed = true
  public var port: UInt16 = 7880
  /// Never empty. Loopback alone while the keys are the development pair.
  public var bindAddresses = [IPAddress.loopbackV4]

  public init() {}
}
