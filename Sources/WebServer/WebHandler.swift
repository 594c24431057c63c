/// What the server asks of its owner. Called on the cooperative pool, several at a time.
public protocol WebHandler: Sendable {
  /// Answers a plain request. The task is cancelled when the peer goes away.
  func respond(to request: HTTPRequest) async -> HTTPResponse

  /// Decides on a WebSocket handshake (RFC 6455 §4.2) before it is answered.
  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision
}

public enum WebSocketDecision: Sendable {
  /// 101; then `session` runs with the open connection, which is closed (1000) when it returns.
  case accept(session: @Sendable (WebSocketConnection) async -> Void)
  /// Answered instead of 101: 401, 404, 400, 503.
  case refuse(HTTPResponse)
}
