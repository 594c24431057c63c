import CLinux
import Glibc
import Linux
import MediaCore
import Synchronization

/// What crosses from the thread that starts a loop to the loop's own.
final class LoopLaunch: Sendable {
  private struct Descriptors: ~Copyable {
    var sockets: SocketTable
    var streams: StreamTable
    var timer: TickTimer
  }

  private let index: Int
  private let limits: MediaLimits
  private let identity: MediaIdentity
  private let onEvent: @Sendable (MediaEvent) -> Void
  private let mailbox: Mailbox
  private let load: LoopLoad
  /// Nil once the thread has taken them.
  private let descriptors: Mutex<Descriptors?>

  init(
    index: Int, limits: MediaLimits, identity: MediaIdentity, onEvent: @escaping @Sendable (MediaEvent) -> Void,
    mailbox: Mailbox, load: LoopLoad, sockets: consuming sending SocketTable,
    streams: consuming sending StreamTable, timer: consuming sending TickTimer
  ) {
    self.index = index
    self.limits = limits
    self.identity = identity
    self.onEvent = onEvent
    self.mailbox = mailbox
    self.load = load
    descriptors = Mutex(Descriptors(sockets: sockets, streams: streams, timer: timer))
  }

  /// pthread_create(3). Nil when there is no memory for a thread.
  func startThread() -> pthread_t? {
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(self)
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<LoopLaunch>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, retained.toOpaque())
    guard result == 0 else {
      retained.release()
      return nil
    }
    return thread
  }

  private func run() {
    clinux_name_thread("media-\(index)")
    guard let descriptors = descriptors.withLock({ $0.take() }) else { return }
    let engine = MediaEngine(
      limits: limits, identity: identity, unixNanosecondsAtZero: MonotonicClock.unixNanosecondsAtZero(),
      onEvent: onEvent)
    var loop = LoopThread(
      engine: engine, sockets: descriptors.sockets, streams: descriptors.streams, timer: descriptors.timer,
      mailbox: mailbox, load: load)
    loop.run()
  }
}
