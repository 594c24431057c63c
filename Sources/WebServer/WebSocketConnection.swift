import Base
import NIOCore
import Synchronization

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
  private let channel: any Channel
  private let inbox: MessageInbox
  private let outboundByteLimit: Int
  /// The lock guards what senders on other threads and the event loop both decide on.
  private let state = Mutex(State())

  private struct State {
    var queuedByteCount = 0
    var closure: WebSocketClosure?
  }

  private static let lastID = Atomic<UInt64>(0)

  init(channel: any Channel, source: Endpoint, inbox: MessageInbox, outboundByteLimit: Int) {
    id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    self.channel = channel
    self.source = source
    self.inbox = inbox
    self.outboundByteLimit = outboundByteLimit
  }

  /// Inbound messages in order; ends when the connection is closed by either side. One consumer.
  public var messages: WebSocketMessages { WebSocketMessages(inbox: inbox) }

  /// Nil while open.
  public var closure: WebSocketClosure? { state.withLock(\.closure) }

  /// Bytes that wait for the peer to take them.
  var queuedByteCount: Int { state.withLock(\.queuedByteCount) }

  /// Queues a message. False when the connection is closed or the peer is too slow, which closes it.
  @discardableResult
  public func send(_ message: WebSocketMessage) -> Bool {
    // The longest frame header of a server is 10 bytes (RFC 6455 §5.2).
    let byteCount = message.byteCount + 10
    enum Verdict { case queued, closed, tooSlow }
    let verdict = state.withLock { state -> Verdict in
      if state.closure != nil { return .closed }
      if state.queuedByteCount + byteCount > outboundByteLimit {
        state.closure = WebSocketClosure(code: 1006, reason: "too slow", isByPeer: false)
        return .tooSlow
      }
      state.queuedByteCount += byteCount
      return .queued
    }
    switch verdict {
    case .queued:
      channel.writeAndFlush(WebSocketSession.Outbound.message(message)).whenComplete { [self] _ in
        state.withLock { $0.queuedByteCount -= byteCount }
      }
      return true
    case .tooSlow:
      channel.triggerUserOutboundEvent(WebSocketSession.Command.abandonSlowPeer, promise: nil)
      return false
    case .closed: return false
    }
  }

  /// Starts the closing handshake; what was queued is sent first. Idempotent.
  public func close(code: UInt16 = 1000, reason: String = "") {
    guard end(WebSocketClosure(code: code, reason: reason, isByPeer: false)) else { return }
    channel.writeAndFlush(WebSocketSession.Outbound.close(code: code, reason: reason), promise: nil)
  }

  /// Records why the connection ends. False when it was ending already.
  func end(_ closure: WebSocketClosure) -> Bool {
    state.withLock { state in
      guard state.closure == nil else { return false }
      state.closure = closure
      return true
    }
  }
}

/// The inbound messages of one connection.
public struct WebSocketMessages: AsyncSequence, Sendable {
  public typealias Element = WebSocketMessage
  public typealias Failure = Never
  let inbox: MessageInbox

  public struct AsyncIterator: AsyncIteratorProtocol {
    let inbox: MessageInbox

    public mutating func next() async -> WebSocketMessage? { await inbox.take() }

    public mutating func next(isolation actor: isolated (any Actor)?) async throws(Never) -> WebSocketMessage? {
      await inbox.take()
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbox: inbox) }
}
