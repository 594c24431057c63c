import Base
import NIOCore
import NIOHTTP1

/// One connection while it speaks HTTP: collects a request within bounds, has it answered, then takes the next.
///
/// ```
/// idle ──head──▶ receiving ──end──▶ answering ──response──▶ writing ──taken by the peer──▶ idle
///   │ ▲  │ body     ▲ │ bound passed, bad │ upgrade accepted ──▶ WebSocketSession
///   │ │  └▶ deciding ┘ │                  │
///   └─┴─ time-out ─────┴────▶ closing ◀───┘ no keep-alive
/// ```
final class HTTPConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case idle
    /// The handler is asked what body the request may have; what has come of it waits, and nothing more is read.
    case deciding(HTTPRequestHead, HTTPRequest, [HTTPServerRequestPart], Task<Void, Never>)
    case receiving(HTTPRequestHead, HTTPRequest, BodyAllowance)
    case answering(HTTPRequestHead, Task<Void, Never>)
    case writing
    case closing
  }

  private let source: Endpoint
  private let table: ConnectionTable
  private let handler: any WebHandler
  private let timer: ConnectionTimer
  /// Ours while we are in the pipeline, for what the timer has to say.
  private var context: ChannelHandlerContext?
  private var state = State.idle
  /// The peer sent more before it had our response: it is answered, and nothing after it.
  private var sentTooEarly = false
  /// What this connection has of the table's room for bodies.
  private var heldBodyBytes = 0
  /// The channel wanted to read while it must not.
  private var hasReadWaiting = false
  private var limits: WebServerLimits { table.limits }

  init(source: Endpoint, table: ConnectionTable, handler: any WebHandler, timer: ConnectionTimer) {
    self.source = source
    self.table = table
    self.handler = handler
    self.timer = timer
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    expectRequest(context.channel, within: limits.requestDuration)
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelInactive(context: ChannelHandlerContext) {
    timer.cancel()
    releaseBody()
    switch state {
    case .answering(_, let task), .deciding(_, _, _, let task): task.cancel()
    case .idle, .receiving, .writing, .closing: break
    }
    state = .closing
    context.fireChannelInactive()
  }

  // MARK: Receiving

  /// The first bytes of a request have come: the peer has `requestDuration` for the rest.
  func requestStarted(_ channel: any Channel) {
    if case .idle = state { expectRequest(channel, within: limits.requestDuration) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { receive(unwrapInboundIn(data), context) }

  /// Called by the channel before each read from the socket.
  func read(context: ChannelHandlerContext) {
    if case .deciding = state { hasReadWaiting = true } else { context.read() }
  }

  private func receive(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    switch (state, part) {
    case (.idle, .head(let head)): receive(head, context)
    case (.deciding(let head, let request, let parts, let task), _):
      state = .deciding(head, request, parts + [part], task)
    case (.receiving(let head, var request, let allowance), .body(let bytes)):
      state = .idle  // Gives the array its only reference, so that appending copies nothing.
      guard receive(bytes, into: &request.body, allowance, context) else { return }
      state = .receiving(head, request, allowance)
    case (.receiving(let head, let request, _), .end): answer(head, request, context)
    case (.answering, _), (.writing, _): sentTooEarly = true
    case (.idle, _), (.receiving, .head), (.closing, _): break
    }
  }

  private func receive(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let headerBytes = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
    if head.uri.utf8.count > limits.requestLineByteCount { return refuse(414, "request line too long", context) }
    if headerBytes > limits.headersByteCount || head.headers.count > limits.headerCount {
      return refuse(431, "headers too large", context)
    }
    guard let target = RequestTarget(head.uri) else { return refuse(400, "bad request target", context) }
    let request = HTTPRequest(
      method: head.method.rawValue, path: target.path, query: target.query,
      headers: head.headers.map { (name: $0.name, value: $0.value) }, source: source)
    let length = head.headers.first(name: "content-length").flatMap(Int.init) ?? 0
    guard length > 0 || head.headers.contains(name: "transfer-encoding") else {
      state = .receiving(head, request, .none)
      return
    }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let (handler, entrance) = (self.handler, table.entrance)
    let task = Task {
      let allowance = await handler.bodyAllowance(for: request)
      entrance.execute {
        let (connection, context) = bound.value
        connection.allow(allowance, length, context)
      }
    }
    state = .deciding(head, request, [], task)
  }

  /// The handler has said what body the request may have.
  private func allow(_ allowance: BodyAllowance, _ length: Int, _ context: ChannelHandlerContext) {
    guard case .deciding(let head, let request, let parts, _) = state else { return }
    state = .receiving(head, request, allowance)
    if length > allowance.byteCount { refuse(allowance.refusal(.tooLarge), context) }
    for part in parts { receive(part, context) }
    guard hasReadWaiting else { return }
    hasReadWaiting = false
    context.read()
  }

  /// False: the request was refused.
  private func receive(
    _ bytes: ByteBuffer, into body: inout [UInt8], _ allowance: BodyAllowance, _ context: ChannelHandlerContext
  ) -> Bool {
    guard body.count + bytes.readableBytes <= allowance.byteCount else {
      refuse(allowance.refusal(.tooLarge), context)
      return false
    }
    guard table.takeBodyBytes(bytes.readableBytes) else {
      refuse(allowance.refusal(.serverBusy), context)
      return false
    }
    heldBodyBytes += bytes.readableBytes
    body.append(contentsOf: bytes.readableBytesView)
    return true
  }

  private func releaseBody() {
    table.releaseBodyBytes(heldBodyBytes)
    heldBodyBytes = 0
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
    switch error {
    case .headerOverflow: refuse(431, "headers too large", context)
    case .invalidVersion: refuse(505, "HTTP/1.1 only", context)
    default: refuse(400, "not HTTP", context)
    }
  }

  private func expectRequest(_ channel: any Channel, within duration: Duration) {
    timer.set(duration) { [self] in
      table.count { $0.timedOutConnections += 1 }
      guard let context, case .receiving(_, _, let allowance) = state, allowance.byteCount > 0 else {
        state = .closing
        return channel.close(promise: nil)
      }
      write(allowance.refusal(.tooSlow), isHead: false, keepsAlive: false, context)
    }
  }

  // MARK: Answering

  private func answer(_ head: HTTPRequestHead, _ request: HTTPRequest, _ context: ChannelHandlerContext) {
    timer.cancel()
    table.count { $0.requests += 1 }
    let isUpgrade = WebSocketHandshake.isAsked(by: head)
    if isUpgrade, let refusal = WebSocketHandshake.refusal(of: head) { return send(refusal, to: head, context) }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let (handler, entrance) = (self.handler, table.entrance)
    let task = Task {
      let decision: WebSocketDecision =
        isUpgrade ? await handler.decideUpgrade(of: request) : .refuse(await handler.respond(to: request))
      entrance.execute {
        let (connection, context) = bound.value
        connection.finish(decision, context)
      }
    }
    state = .answering(head, task)
  }

  private func finish(_ decision: WebSocketDecision, _ context: ChannelHandlerContext) {
    guard case .answering(let head, _) = state else { return }
    switch decision {
    case .refuse(let response): send(response, to: head, context)
    case .accept where table.isClosing: send(.text(503, "closing"), to: head, context)
    case .accept(let session): upgrade(head, session, context)
    }
  }

  private func send(_ response: HTTPResponse, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    // The decoder stops at a head that asks for an upgrade, so nothing can follow it.
    let keepsAlive = head.isKeepAlive && !sentTooEarly && !table.isClosing && !head.headers.contains(name: "upgrade")
    write(response, isHead: head.method == .HEAD, keepsAlive: keepsAlive, context)
  }

  private func refuse(_ status: Int, _ text: String, _ context: ChannelHandlerContext) {
    refuse(.text(status, text + "\n"), context)
  }

  private func refuse(_ response: HTTPResponse, _ context: ChannelHandlerContext) {
    if case .closing = state { return }
    table.count { $0.badRequests += 1 }
    write(response, isHead: false, keepsAlive: false, context)
  }

  private func write(_ response: HTTPResponse, isHead: Bool, keepsAlive: Bool, _ context: ChannelHandlerContext) {
    releaseBody()
    var headers = HTTPHeaders(response.headers.map { ($0.name, $0.value) })
    headers.replaceOrAdd(name: "content-length", value: "\(response.body.count)")
    headers.replaceOrAdd(name: "connection", value: keepsAlive ? "keep-alive" : "close")
    let head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if !isHead, !response.body.isEmpty {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    }
    let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if keepsAlive { awaitNext(after: written, context) } else { close(after: written, context) }
  }

  /// The next request is taken once the peer has taken this response: whoever asks and never reads is answered once.
  private func awaitNext(after written: EventLoopFuture<Void>, _ context: ChannelHandlerContext) {
    state = .writing
    let channel = context.channel
    timer.set(limits.writeDuration) { channel.close(promise: nil) }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    written.whenSuccess { bound.value.responseTaken(channel) }
  }

  private func responseTaken(_ channel: any Channel) {
    guard case .writing = state else { return }
    if sentTooEarly || table.isClosing {
      state = .closing
      return LingeringClose.start(channel, timer)
    }
    state = .idle
    expectRequest(channel, within: limits.idleDuration)
  }

  private func close(after written: EventLoopFuture<Void>, _ context: ChannelHandlerContext) {
    state = .closing
    let channel = context.channel
    // A peer that takes nothing keeps the response in our buffer: give it so long and no longer.
    timer.set(limits.writeDuration) { channel.close(promise: nil) }
    let bound = NIOLoopBound(timer, eventLoop: context.eventLoop)
    written.whenComplete { _ in LingeringClose.start(channel, bound.value) }
  }

  // MARK: Leaving HTTP

  private func upgrade(
    _ head: HTTPRequestHead, _ session: @escaping @Sendable (WebSocketConnection) async -> Void,
    _ context: ChannelHandlerContext
  ) {
    state = .closing
    let channel = context.channel
    guard let headers = WebSocketHandshake.responseHeaders(to: head, on: channel) else {
      return refuse(400, "bad WebSocket handshake", context)
    }
    let response = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
    context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
    do {
      try WebSocketSession.install(on: channel, source: source, table: table, timer: timer, session: session)
      table.trust(channel)
    } catch {
      channel.close(promise: nil)
    }
  }

  /// The server is closing: an idle connection goes at once, a busy one after its response.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ServerClosing, case .idle = state { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }
}

/// Tells every connection's handlers that the server stops.
struct ServerClosing {}

/// Stands before the decoder and says when bytes come, because the decoder is silent until a head is whole.
final class ByteWatch: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let connection: HTTPConnection

  init(before connection: HTTPConnection) { self.connection = connection }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.requestStarted(context.channel)
    context.fireChannelRead(data)
  }
}
