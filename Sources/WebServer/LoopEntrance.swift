import NIOCore
import Synchronization

/// The way from other threads onto the event loop. It is shut before the loop is: NIO takes whoever comes later for a
/// mistake, and a handler may finish at any time.
///
/// A class because every connection shares it; the lock makes "open" and "on the loop" one step.
final class LoopEntrance: Sendable {
  private let loop: any EventLoop
  private let isOpen = Mutex(true)

  init(loop: any EventLoop) { self.loop = loop }

  /// Nothing once it is shut: there are no connections then.
  func execute(_ body: @escaping @Sendable () -> Void) {
    isOpen.withLock { isOpen in
      if isOpen { loop.execute(body) }
    }
  }

  func close() { isOpen.withLock { $0 = false } }
}
