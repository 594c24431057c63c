/// What the server asks of its owner. Called on the cooperative pool, several at a time.
public protocol WebHandler: Sendable {
  /// Answers a plain request. The task is cancelled when the peer goes away.
  func respond(to request: HTTPRequest) async -> HTTPResponse

  /// How much of a body the request may have. Asked when the head of a request that brings one has come; nothing more
  /// is read before the answer, and `body` is empty.
  func bodyAllowance(for request: HTTPRequest) async -> BodyAllowance

  /// Decides on a WebSocket handshake (RFC 6455 §4.2) before it is answered.
  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision
}

public enum WebSocketDecision: Sendable {
  /// 101; then `session` runs with the open connection, which is closed (1000) when it returns.
  case accept(session: @Sendable (WebSocketConnection) async -> Void)
  /// Answered instead of 101: 401, 404, 400, 503.
  case refuse(HTTPResponse)
}

/// The body that one request may have, and the answer to one that has another.
public struct BodyAllowance: Sendable {
  public enum Fault: Sendable, CaseIterable {
    /// More than `byteCount`.
    case tooLarge
    /// Not whole within `WebServerLimits.requestDuration`.
    case tooSlow
    /// The bodies of all connections together are as many bytes as the server holds.
    case serverBusy
  }

  public var byteCount: Int
  public var refusal: @Sendable (Fault) -> HTTPResponse

  public init(byteCount: Int, refusal: @escaping @Sendable (Fault) -> HTTPResponse) {
    self.byteCount = byteCount
    self.refusal = refusal
  }

  /// For paths that take nothing.
  public static let none = BodyAllowance(byteCount: 0) { fault in
    switch fault {
    case .tooLarge: .text(413, "this path takes no body\n")
    case .tooSlow: .text(408, "the request did not come in time\n")
    case .serverBusy: .text(503, "too many requests are being read\n")
    }
  }
}
