/// Everything a stranger on the public port can make the server hold or wait for.
public struct WebServerLimits: Sendable {
  /// Method, target and version. A v1 join request of the stock client is 2 kB, of a talkative one 16 kB.
  public var requestLineByteCount = 64 * 1024
  /// All header fields together, the request line not counted.
  public var headersByteCount = 32 * 1024
  public var headerCount = 100
  /// Bodies of all connections together, from their first byte to the end of the response.
  public var bodiesByteCount = 64 * 1024 * 1024
  /// One WebSocket message, its fragments together.
  public var messageByteCount = 2 * 1024 * 1024
  /// Outbound bytes that may wait for one WebSocket peer; past it the connection is closed.
  public var outboundByteCount = 4 * 1024 * 1024
  /// Inbound messages that may wait for the handler, in bytes; past it the socket is not read.
  public var inboundByteCount = 256 * 1024
  public var connections = 4_000
  /// Of one IPv4 address or one IPv6 /64, WebSockets that the handler has accepted not counted.
  public var connectionsPerSource = 200
  /// From the first byte (or the accept) to the end of a request.
  public var requestDuration: Duration = .seconds(10)
  /// Between two requests of a kept-alive connection.
  public var idleDuration: Duration = .seconds(60)
  /// One response or closing handshake to be taken by the peer.
  public var writeDuration: Duration = .seconds(20)
  /// Between two pings to a WebSocket peer.
  public var pingInterval: Duration = .seconds(10)
  /// A WebSocket peer that sent nothing, not even a pong, for this long is gone.
  public var silenceDuration: Duration = .seconds(30)

  public init() {}
}
