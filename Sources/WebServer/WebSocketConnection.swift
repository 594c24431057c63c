import Base

public enum WebSocketMessage: Sendable, Equatable {
  case text(String)
  case binary([UInt8])

  var byteCount: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .binary(let bytes): bytes.count
    }
  }
}

/// Why a connection ended.
public struct WebSocketClosure: Sendable, Equatable {
  /// RFC 6455 §7.4: what was sent or received; 1006 without a closing handshake.
  public var code: UInt16
  public var reason: String
  public var isByPeer: Bool

  public init(code: UInt16, reason: String, isByPeer: Bool) {
    self.code = code
    self.reason = reason
    self.isByPeer = isByPeer
  }
}

/// An open WebSocket. Any thread may send and close; one task reads `messages`.
public final class WebSocketConnection: Sendable {
  /// Unique in this process.
  public let id: UInt64
  public let source: Endpoint
  /// Inbound messages in order; ends when the connection is closed by either side. One consumer.
  public let messages: WebSocketMessages

  init(id: UInt64, source: Endpoint) {
    self.id = id
    self.source = source
    messages = WebSocketMessages()
  }

  /// Queues a message. False when the connection is closed or the peer is too slow, which closes it (1008).
  @discardableResult
  public func send(_ message: WebSocketMessage) -> Bool { false }

  /// Starts the closing handshake; what was queued is sent first. Idempotent.
  public func close(code: UInt16 = 1000, reason: String = "") {}

  /// Nil while open.
  public var closure: WebSocketClosure? { nil }
}

/// The inbound messages of one connection.
public struct WebSocketMessages: AsyncSequence, Sendable {
  public typealias Element = WebSocketMessage

  public struct AsyncIterator: AsyncIteratorProtocol {
    public mutating func next() async -> WebSocketMessage? { nil }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}
