import Base
import MediaCore
import Synchronization

/// One media thread: epoll, a tick timer, a mailbox, the RTP ports of its phone legs and one WebRTC port.
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
    throw StartError(operation: "start", code: 38)
  }

  init(index: Int, webRTCPort: UInt16) {
    self.index = index
    self.webRTCPort = webRTCPort
  }

  public let index: Int
  /// The bound WebRTC port, the same on all addresses.
  public let webRTCPort: UInt16

  /// Queues a command. False when the mailbox is full, which only `sendData` can make happen in practice: commands
  /// that close something are always taken. May be called from any thread, this loop's included.
  @discardableResult
  public func post(_ command: MediaCommand) -> Bool { false }

  /// Opens a phone leg on a leased port; the loop holds the lease until the leg is closed.
  @discardableResult
  public func openPhoneLeg(_ configuration: PhoneLegConfiguration, on lease: PortLease) -> Bool { false }

  /// Phone legs and transports that are open; for choosing the least loaded loop.
  public var load: Int { 0 }

  /// Closes everything, reports it, ends the thread and waits for that. Idempotent. Not from this loop's thread.
  public func close() {}
}
