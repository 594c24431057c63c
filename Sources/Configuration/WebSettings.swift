import Base

/// The HTTP and WebSocket port that clients of the rooms reach (`port`, `bind_addresses`).
public struct WebSettings: Sendable, Equatable {
  public var port: UInt16 = 7880
  /// Never empty. Loopback alone while the keys are the development pair.
  public var bindAddresses = [IPAddress.loopbackV4]

  public init() {}
}
