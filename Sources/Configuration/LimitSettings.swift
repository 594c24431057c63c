/// Bounds on what strangers and providers may make us do (`limits`).
public struct LimitSettings: Sendable, Equatable {
  /// 0: no limit. Above it new calls get 503 with Retry-After.
  public var activeCalls = 0
  /// Sustained INVITEs a second from one address.
  public var invitesPerSecondPerSource = 50
  /// INVITEs one address may send at once.
  public var inviteBurstPerSource = 100
  /// Addresses remembered at a time.
  public var trackedSources = 10_000
  public var webConnections = 4_000
  /// Connections of one address without a valid token; room participants count in `webConnections` alone.
  public var webConnectionsPerSource = 200
  /// Signalling requests of one room client; ten times as many at once.
  public var requestsPerSecondPerClient = 50
  /// Data packets of one room client; twice as many at once.
  public var dataPacketsPerSecondPerClient = 1_000

  public init() {}
}
