import Base
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// One connection after the upgrade: frames in, messages out, and the other way round (RFC 6455 §5–§7).
///
/// ```
/// open ──close()──▶ closing (our close frame is out) ──peer's close frame or time-out──▶ gone
///   │ peer's close frame: echoed ──▶ gone
///   │ error of protocol, size or encoding: our close frame ──▶ gone
///   └ silence, too slow a peer ──▶ gone
/// ```
final class WebSocketSession: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundIn = Outbound
  typealias OutboundOut = WebSocketFrame

  enum Outbound: Sendable {
    case message(WebSocketMessage)
    case close(code: UInt16, reason: String)
  }

  enum Command: Sendable { case abandonSlowPeer, readAgain }

  private let connection: WebSocketConnection
  private let inbox: MessageInbox
  private let table: ConnectionTable
  private let timer: ConnectionTimer
  private let run: @Sendable (WebSocketConnection) async -> Void
  private var assembler: MessageAssembler
  private var task: Task<Void, Never>?
  private var pinger: RepeatedTask?
  private var lastHeard = NIODeadline.now()
  private var hasSentClose = false
  private var isGone = false
  private var hasReadWaiting = false

  private init(
    _ connection: WebSocketConnection, inbox: MessageInbox, table: ConnectionTable, timer: ConnectionTimer,
    run: @escaping @Sendable (WebSocketConnection) async -> Void
  ) {
    self.connection = connection
    self.inbox = inbox
    self.table = table
    self.timer = timer
    self.run = run
    assembler = MessageAssembler(byteLimit: table.limits.messageByteCount)
  }

  /// Replaces HTTP on the channel. Called on its event loop, after the 101 was written.
  static func install(
    on channel: any Channel, source: Endpoint, table: ConnectionTable, timer: ConnectionTimer,
    session: @escaping @Sendable (WebSocketConnection) async -> Void
  ) throws {
    timer.cancel()
    let limits = table.limits
    let inbox = MessageInbox(byteLimit: limits.inboundByteCount) {
      channel.triggerUserOutboundEvent(Command.readAgain, promise: nil)
    }
    let connection = WebSocketConnection(
      channel: channel, source: source, inbox: inbox, outboundByteLimit: limits.outboundByteCount)
    let pipeline = channel.pipeline.syncOperations
    let handler = WebSocketSession(connection, inbox: inbox, table: table, timer: timer, run: session)
    try pipeline.addHandlers([
      WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: limits.messageByteCount)),
      handler,
    ])
    // The decoder goes last: it hands on the bytes that came behind the handshake.
    let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
    for context in [
      try pipeline.context(handlerType: HTTPConnection.self), try pipeline.context(handlerType: ByteWatch.self),
      try pipeline.context(handlerType: HTTPResponseEncoder.self), decoder,
    ] {
      pipeline.removeHandler(context: context, promise: nil)
    }
  }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    table.count { $0.openWebSockets += 1 }
    lastHeard = .now()
    let (connection, run) = (connection, run)
    task = Task {
      await run(connection)
      connection.close()
    }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let interval = TimeAmount(table.limits.pingInterval)
    pinger = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      let (session, context) = bound.value
      session.ping(context)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    gone()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { gone() }

  private func gone() {
    guard !isGone else { return }
    isGone = true
    table.count { $0.openWebSockets -= 1 }
    _ = connection.end(WebSocketClosure(code: 1006, reason: "connection lost", isByPeer: true))
    timer.cancel()
    pinger?.cancel()
    inbox.finish()
    task?.cancel()
  }

  /// Also notices a peer that has fallen silent. While we do not read, we cannot tell.
  private func ping(_ context: ChannelHandlerContext) {
    if !hasReadWaiting, NIODeadline.now() - lastHeard > TimeAmount(table.limits.silenceDuration) {
      table.count { $0.timedOutConnections += 1 }
      _ = connection.end(WebSocketClosure(code: 1006, reason: "silent", isByPeer: true))
      return context.close(promise: nil)
    }
    if !hasSentClose { writeFrame(.ping, ByteBuffer(), context) }
  }

  // MARK: In

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    lastHeard = .now()
    guard !isGone, frame.maskKey != nil else { return fail(.notMasked, context) }
    switch assembler.take(frame) {
    case .incomplete: break
    case .message(let message): if !hasSentClose { inbox.put(message) }
    case .ping(let payload):
      // A peer that takes nothing gets no more: the latest ping is all that needs an answer (RFC 6455 §5.5.3).
      if !hasSentClose, context.channel.isWritable { writeFrame(.pong, payload, context) }
    case .pong: break
    case .close(let code, let reason): peerClosed(code, reason, context)
    case .failure(let failure): fail(failure, context)
    }
  }

  /// Called by the channel before each read from the socket: a full inbox stops it.
  func read(context: ChannelHandlerContext) {
    if inbox.isFull { hasReadWaiting = true } else { context.read() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength: fail(.tooLarge, context)
    case is NIOWebSocketError: fail(.badControlFrame, context)
    default: context.close(promise: nil)
    }
  }

  private func peerClosed(_ code: UInt16?, _ reason: String, _ context: ChannelHandlerContext) {
    _ = connection.end(WebSocketClosure(code: code ?? 1005, reason: reason, isByPeer: true))
    inbox.finish()
    writeClose(code ?? 1000, "", context)
  }

  private func fail(_ failure: MessageAssembler.Failure, _ context: ChannelHandlerContext) {
    guard !isGone else { return }
    table.count { $0.badRequests += 1 }
    _ = connection.end(WebSocketClosure(code: failure.code, reason: failure.rawValue, isByPeer: false))
    inbox.finish()
    writeClose(failure.code, failure.rawValue, context)
  }

  /// Our close frame, if it is not out yet; then nothing more is expected of the peer.
  private func writeClose(_ code: UInt16, _ reason: String, _ context: ChannelHandlerContext) {
    let channel = context.channel
    guard !hasSentClose else { return LingeringClose.start(channel, timer) }
    hasSentClose = true
    let written = context.writeAndFlush(wrapOutboundOut(closeFrame(code, reason)))
    timer.set(table.limits.writeDuration) { channel.close(promise: nil) }
    let bound = NIOLoopBound(timer, eventLoop: context.eventLoop)
    written.whenComplete { _ in LingeringClose.start(channel, bound.value) }
  }

  // MARK: Out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !hasSentClose else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .message(.text(let text)):
      context.write(
        wrapOutboundOut(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text))), promise: promise)
    case .message(.binary(let bytes)):
      context.write(
        wrapOutboundOut(WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: bytes))), promise: promise)
    case .close(let code, let reason):
      hasSentClose = true
      context.write(wrapOutboundOut(closeFrame(code, reason)), promise: promise)
      let channel = context.channel
      timer.set(table.limits.writeDuration) { channel.close(promise: nil) }
      inbox.finish()
    }
  }

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    switch event as? Command {
    case .readAgain:
      promise?.succeed()
      guard hasReadWaiting, !inbox.isFull else { return }
      hasReadWaiting = false
      lastHeard = .now()
      context.read()
    case .abandonSlowPeer:
      promise?.succeed()
      table.count { $0.slowConsumers += 1 }
      context.close(promise: nil)
    case nil: context.triggerUserOutboundEvent(event, promise: promise)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ServerClosing { connection.close(code: 1001, reason: "server is closing") }
    context.fireUserInboundEventTriggered(event)
  }

  private func writeFrame(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: payload)), promise: nil)
  }

  /// A control frame carries at most 125 bytes (§5.5), two of them the code.
  private func closeFrame(_ code: UInt16, _ reason: String) -> WebSocketFrame {
    var payload = ByteBuffer(integer: code)
    var text = reason
    while text.utf8.count > 123 { text.removeLast() }
    payload.writeString(text)
    return WebSocketFrame(fin: true, opcode: .connectionClose, data: payload)
  }
}
