import Base
import CLinux
import Glibc
import Linux
import MediaCore
import Synchronization

/// One media thread: epoll, a tick timer, a mailbox, the ports of its phone legs and of its transports to other servers,
/// and one WebRTC port.
///
/// A room lives on one loop for life, with all its legs.
public final class MediaLoop: Sendable {
  public struct StartError: Error, Sendable {
    /// The call that failed and what it was about, for an operator.
    public let operation: String
    /// `errno`.
    public let code: Int32
  }

  /// Binds the WebRTC port and starts the thread. `onEvent` runs on that thread and must not block.
  public static func start(
    _ configuration: MediaLoopConfiguration, identity: MediaIdentity, onEvent: @escaping @Sendable (MediaEvent) -> Void
  ) throws(StartError) -> MediaLoop {
    guard let mailbox = Mailbox(), let poller = Poller(), let streamPoller = Poller(),
      let timer = TickTimer(period: MediaEngine.tickPeriod, from: MonotonicClock.now())
    else { throw StartError(operation: "epoll, timerfd or eventfd", code: errno) }
    var port = configuration.webRTCPort
    let v4 = try bind(configuration, isIPv4: true, &port)
    let v6 = try bind(configuration, isIPv4: false, &port)
    let streams = StreamTable(poller: streamPoller, authorities: configuration.authorities)
    let sockets = SocketTable(
      poller: poller, webRTCv4: v4, webRTCv6: v6, timer: timer.descriptor, mailbox: mailbox.wakeDescriptor,
      streams: streams.descriptor)
    let load = LoopLoad()
    let launch = LoopLaunch(
      index: configuration.index, limits: configuration.limits, identity: identity, onEvent: onEvent, mailbox: mailbox,
      load: load, sockets: sockets, streams: streams, timer: timer)
    guard let thread = launch.startThread() else { throw StartError(operation: "pthread_create", code: errno) }
    return MediaLoop(index: configuration.index, webRTCPort: port, mailbox: mailbox, load: load, thread: thread)
  }

  private init(index: Int, webRTCPort: UInt16, mailbox: Mailbox, load: LoopLoad, thread: pthread_t) {
    self.index = index
    self.webRTCPort = webRTCPort
    self.mailbox = mailbox
    loopLoad = load
    self.thread = Mutex(thread)
  }

  deinit { close() }

  public let index: Int
  /// The bound WebRTC port, the same on all addresses.
  public let webRTCPort: UInt16
  private let mailbox: Mailbox
  private let loopLoad: LoopLoad
  /// Nil once it is joined.
  private let thread: Mutex<pthread_t?>

  /// Queues a command. False when the mailbox is full or the loop closed; data packets are refused long before other
  /// commands, commands that close something long after them. May be called from any thread, this loop's included.
  @discardableResult
  public func post(_ command: MediaCommand) -> Bool { mailbox.post(.command(command)) }

  /// Opens a phone leg on a leased port; the loop holds the lease until the leg is closed.
  @discardableResult
  public func openPhoneLeg(_ configuration: PhoneLegConfiguration, on lease: PortLease) -> Bool {
    mailbox.post(.openPhoneLeg(configuration, lease))
  }

  /// Opens a transport with a full agent on leased ports, one for each address family that it is to use; the loop holds
  /// the leases until the transport is closed. What arrived on them before is not lost.
  @discardableResult
  public func openTransport(_ configuration: TransportConfiguration, on leases: [PortLease]) -> Bool {
    mailbox.post(.openTransport(configuration, leases))
  }

  /// Phone legs and transports that are open; for choosing the least loaded loop.
  public var load: Int { loopLoad.value }

  /// Closes everything, reports it, ends the thread and waits for that. Idempotent. Not from this loop's thread.
  public func close() {
    let thread = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    guard let thread else { return }
    _ = mailbox.post(.close)
    pthread_join(thread, nil)
  }

  private static func bind(
    _ configuration: MediaLoopConfiguration, isIPv4: Bool, _ port: inout UInt16
  ) throws(StartError) -> UDPSocket? {
    guard let address = configuration.webRTCAddresses.first(where: { $0.isIPv4 == isIPv4 }) else { return nil }
    do {
      let socket = try UDPSocket.bind(Endpoint(address, port), receiveBufferByteCount: webRTCBufferByteCount)
      port = socket.local.port
      return socket
    } catch {
      throw StartError(operation: error.operation, code: error.code)
    }
  }

  /// A second of 400 participants at 50 packets a second, as the kernel counts them; clamped by `net.core.rmem_max`.
  private static let webRTCBufferByteCount: Int32 = 16 << 20
}
