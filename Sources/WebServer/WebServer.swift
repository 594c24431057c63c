import Base

/// The public HTTP/1.1 and WebSocket port. Knows nothing of what is spoken on it.
public final class WebServer: Sendable {
  /// Where it listens; the port is the real one when 0 was asked for.
  public let endpoints: [Endpoint]

  /// Binds every address or none, and serves until `close()`.
  public static func start(
    on endpoints: [Endpoint], limits: WebServerLimits = WebServerLimits(), handler: any WebHandler
  ) async throws(WebServerError) -> WebServer {
    throw WebServerError(code: "not-bound", message: "")
  }

  init(endpoints: [Endpoint]) { self.endpoints = endpoints }

  public var statistics: WebServerStatistics { WebServerStatistics() }

  /// Stops listening, closes WebSockets with 1001 and returns when every connection is gone. Idempotent.
  public func close() async {}
}

/// `code` is stable; `message` is for people.
public struct WebServerError: Error, Sendable, CustomStringConvertible {
  public var code: String
  public var message: String

  public var description: String { message }
}

/// Counters since start, and what is open now.
public struct WebServerStatistics: Sendable, Equatable {
  public var openConnections = 0
  public var openWebSockets = 0
  public var acceptedConnections = 0
  /// Closed at accept: `connections` or `connectionsPerSource` was reached.
  public var refusedConnections = 0
  public var requests = 0
  /// Requests that were not well-formed or passed a bound.
  public var badRequests = 0
  /// Connections closed for being slow, idle or silent.
  public var timedOutConnections = 0
  /// WebSockets closed for passing `outboundByteCount`.
  public var slowConsumers = 0

  public init() {}
}
