/// Counters since start, and what is open now.
public struct WebServerStatistics: Sendable, Equatable {
  public var openConnections = 0
  public var openWebSockets = 0
  /// Of request bodies that came and are not answered yet.
  public var heldBodyBytes = 0
  public var acceptedConnections = 0
  /// Closed at accept: `connections` or `connectionsPerSource` was reached.
  public var refusedConnections = 0
  public var requests = 0
  /// Requests and frames that were not well-formed or passed a bound.
  public var badRequests = 0
  /// Connections closed for being slow, idle or silent.
  public var timedOutConnections = 0
  /// WebSockets closed for passing `outboundByteCount`.
  public var slowConsumers = 0

  public init() {}
}
