import Base
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The public HTTP/1.1 and WebSocket port, on one event loop. Knows nothing of what is spoken on it.
public final class WebServer: Sendable {
  /// Where it listens; the port is the real one when 0 was asked for.
  public let endpoints: [Endpoint]
  private let group: MultiThreadedEventLoopGroup
  private let listeners: [any Channel]
  private let table: NIOLoopBoundBox<ConnectionTable>
  private let counters: ServerCounters
  private let entrance: LoopEntrance
  /// Guards that only the first `close()` acts.
  private let isClosed = Mutex(false)

  /// How long `close()` lets responses and closing handshakes take.
  public static let closingDuration: Duration = .seconds(5)

  private init(
    group: MultiThreadedEventLoopGroup, listeners: [any Channel], table: NIOLoopBoundBox<ConnectionTable>,
    counters: ServerCounters, entrance: LoopEntrance
  ) {
    self.group = group
    self.entrance = entrance
    self.listeners = listeners
    self.table = table
    self.counters = counters
    endpoints = listeners.compactMap { $0.localAddress.flatMap(Endpoint.init) }
  }

  /// Binds every address or none, and serves until `close()`.
  public static func start(
    on endpoints: [Endpoint], limits: WebServerLimits = WebServerLimits(), handler: any WebHandler
  ) async throws(WebServerError) -> WebServer {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let counters = ServerCounters()
    let entrance = LoopEntrance(loop: group.next())
    let table = NIOLoopBoundBox.makeBoxSendingValue(
      ConnectionTable(limits: limits, counters: counters, entrance: entrance), eventLoop: group.next())
    let bootstrap = Self.bootstrap(group, table, handler)
    var listeners: [any Channel] = []
    for endpoint in endpoints {
      do {
        let address = try SocketAddress(ipAddress: "\(endpoint.address)", port: Int(endpoint.port))
        listeners.append(try await bootstrap.bind(to: address).get())
      } catch {
        for listener in listeners { try? await listener.close() }
        try? await group.shutdownGracefully()
        let reason = (error as? IOError).map { String(describing: $0) } ?? "\(error)"
        throw WebServerError(code: "not-bound", message: "cannot listen on TCP \(endpoint): \(reason)")
      }
    }
    return WebServer(group: group, listeners: listeners, table: table, counters: counters, entrance: entrance)
  }

  public var statistics: WebServerStatistics { counters.values.withLock { $0 } }

  /// Stops listening, closes WebSockets with 1001 and returns when every connection is gone. Idempotent.
  public func close() async {
    let isFirst = isClosed.withLock { isClosed in
      defer { isClosed = true }
      return !isClosed
    }
    guard isFirst else { return }
    for listener in listeners { try? await listener.close() }
    let (table, loop) = (table, group.next())
    let open = try? await loop.submit { () -> [any Channel] in
      let channels = table.value.startClosing()
      for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ServerClosing()) }
      return channels
    }.get()
    let deadline = loop.scheduleTask(in: TimeAmount(Self.closingDuration)) {
      for channel in open ?? [] { channel.close(promise: nil) }
    }
    for channel in open ?? [] { try? await channel.closeFuture.get() }
    deadline.cancel()
    entrance.close()
    try? await group.shutdownGracefully()
  }

  // MARK: Accepting

  private static func bootstrap(
    _ group: MultiThreadedEventLoopGroup, _ table: NIOLoopBoundBox<ConnectionTable>, _ handler: any WebHandler
  ) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // Out of file descriptors: stop accepting for a second instead of spinning.
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try accept(channel, table.value, handler) }
      }
  }

  private static func accept(_ channel: any Channel, _ table: ConnectionTable, _ handler: any WebHandler) throws {
    guard let source = channel.remoteAddress.flatMap(Endpoint.init), table.admit(channel, from: source.address) else {
      throw ChannelError.ioOnClosedChannel
    }
    let bound = NIOLoopBound(table, eventLoop: channel.eventLoop)
    channel.closeFuture.whenComplete { _ in bound.value.remove(channel) }
    let limits = table.limits
    var parsing = NIOHTTPDecoderLimitConfiguration()
    // A little above ours, so that what is just too large gets a proper answer.
    parsing.maxHeaderFieldSize = max(limits.requestLineByteCount, limits.headersByteCount) + 1024
    parsing.maxHeaderListSize = limits.requestLineByteCount + limits.headersByteCount + 2048
    parsing.maxHeaderFieldCount = limits.headerCount + 1
    let connection = HTTPConnection(
      source: source, table: table, handler: handler, timer: ConnectionTimer(loop: channel.eventLoop))
    try channel.pipeline.syncOperations.addHandlers([
      ByteWatch(before: connection),
      ByteToMessageHandler(
        HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: parsing)),
      HTTPResponseEncoder(), connection,
    ])
  }
}

extension Endpoint {
  /// Nil for a Unix socket.
  init?(_ address: SocketAddress) {
    guard let text = address.ipAddress, let port = address.port, let ip = IPAddress(text) else { return nil }
    self.init(ip, UInt16(truncatingIfNeeded: port))
  }
}

/// `code` is stable; `message` is for people.
public struct WebServerError: Error, Sendable, CustomStringConvertible {
  public var code: String
  public var message: String

  public var description: String { message }
}
