import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The server's half of the opening handshake (RFC 6455 §4.2).
enum WebSocketHandshake {
  static func isAsked(by head: HTTPRequestHead) -> Bool {
    head.method == .GET && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
      && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
  }

  /// What a handshake that cannot succeed is answered with; nil when it is sound.
  static func refusal(of head: HTTPRequestHead) -> HTTPResponse? {
    guard head.headers["sec-websocket-version"] == ["13"] else {
      var response = HTTPResponse.text(426, "WebSocket version 13 only\n")
      response.headers.append((name: "Sec-WebSocket-Version", value: "13"))
      return response
    }
    // 16 random bytes in base64 (§4.1).
    let keys = head.headers["sec-websocket-key"]
    guard keys.count == 1, keys[0].utf8.count == 24, keys[0].hasSuffix("==") else {
      return .text(400, "bad Sec-WebSocket-Key\n")
    }
    return nil
  }

  /// Upgrade, Connection and Sec-WebSocket-Accept. Nil when the handshake is not sound.
  static func responseHeaders(to head: HTTPRequestHead, on channel: any Channel) -> HTTPHeaders? {
    let upgrader = NIOWebSocketServerUpgrader(
      shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
      upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
    let result = upgrader.buildUpgradeResponse(channel: channel, upgradeRequest: head, initialResponseHeaders: [:])
    var headers: HTTPHeaders?
    // The future is complete: nothing above waits. Its callback runs here, on the event loop.
    result.assumeIsolated().whenSuccess { headers = $0 }
    return headers
  }
}
