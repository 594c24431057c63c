import Base
import Glibc
import Synchronization

/// WebSockets to room servers, on a thread of its own.
///
/// What happens to them is told to one closure, which runs on that thread and must not block. Everything else may be
/// called from any thread. A connection is known by a number that its opener chooses and never uses again.
public final class RoomClient: Sendable {
  public struct Options: Sendable {
    /// PEM file of the authorities that may have signed a server's certificate. Nil: the system's.
    public var authorityFile: String?
    public var limits = WebSocketLimits()

    public init() {}
  }

  public struct StartError: Error, Hashable, Sendable {
    /// One sentence for an operator.
    public let reason: String
  }

  /// Where to connect.
  public struct Target: Hashable, Sendable {
    public var isSecure: Bool
    /// A name or an address; an IPv6 address without brackets. With TLS the certificate must be for it.
    public var host: String
    public var port: UInt16
    /// Path and query, percent-encoded.
    public var path: String
    /// For `Authorization: Bearer`.
    public var token: String

    public init(isSecure: Bool, host: String, port: UInt16, path: String, token: String) {
      self.isSecure = isSecure
      self.host = host
      self.port = port
      self.path = path
      self.token = token
    }
  }

  public enum Event: Hashable, Sendable {
    case opened
    case message([UInt8], isBinary: Bool)
    /// The server answered with an HTTP status instead. Nothing follows.
    case refused(status: Int)
    /// It could not be opened, or has ended; not after `close`. Nothing follows.
    case closed(reason: String)
  }

  private let mailbox: RoomClientMailbox
  private let thread: Mutex<pthread_t?>

  /// Starts the thread.
  public static func start(
    _ options: Options = Options(), onEvent: @escaping @Sendable (UInt64, Event) -> Void
  ) throws(StartError) -> RoomClient {
    let mailbox = RoomClientMailbox()
    let launch = RoomClientLaunch(options: options, mailbox: mailbox, onEvent: onEvent)
    guard let thread = launch.startThread() else { throw StartError(reason: launch.failure) }
    return RoomClient(mailbox, thread)
  }

  private init(_ mailbox: RoomClientMailbox, _ thread: pthread_t) {
    self.mailbox = mailbox
    self.thread = Mutex(thread)
  }

  deinit { close() }

  /// Ends in `opened`, `refused` or `closed`.
  public func connect(_ id: UInt64, _ target: Target) { mailbox.post(.connect(id, target)) }

  /// Sends one message; nothing before `opened`. A connection whose messages pile up beyond the limits is closed.
  public func send(_ id: UInt64, _ bytes: [UInt8], isBinary: Bool = true) {
    mailbox.post(.send(id, bytes, isBinary: isBinary))
  }

  /// Closes after what was sent, or at once when it is not open. No event follows.
  public func close(_ id: UInt64) { mailbox.post(.close(id)) }

  /// Ends all connections, after what was sent, and the thread, and waits for that: 6 s at most. Idempotent. Not from
  /// its own thread.
  public func close() {
    mailbox.close()
    let thread = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let thread { pthread_join(thread, nil) }
  }
}

public struct WebSocketLimits: Hashable, Sendable {
  /// Bytes of one message that is received.
  public var messageByteCount = 4 << 20
  /// Bytes and messages of one connection that wait to be sent.
  public var queuedByteCount = 4 << 20
  public var queuedMessages = 1_024
  /// Bytes of request line and headers: an offer and a token.
  public var requestByteCount: UInt32 = 65_536
  /// From `connect` to `opened`.
  public var connectSeconds: UInt32 = 15
  /// A connection that is silent gets a ping, and is given up if it stays so.
  public var pingSeconds: UInt16 = 15
  public var hangupSeconds: UInt16 = 35
  /// Host names that are looked up at a time, and how long the answers are used.
  public var lookups = 16
  public var lookupLifetime = Duration.seconds(30)

  public init() {}
}
