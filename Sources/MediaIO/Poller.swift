import CLinux
import Glibc

/// An epoll instance and room for the events of one wait. Level-triggered.
struct Poller: ~Copyable {
  private static let capacity = 64

  let descriptor: Int32
  private let events: UnsafeMutablePointer<epoll_event>

  /// Nil when the process has no descriptor left.
  init?() {
    let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    self.descriptor = descriptor
    events = .allocate(capacity: Self.capacity)
    events.initialize(repeating: epoll_event(), count: Self.capacity)
  }

  deinit {
    events.deallocate()
    close(descriptor)
  }

  func add(_ watched: Int32, token: UInt64, alsoWritable: Bool = false) {
    control(EPOLL_CTL_ADD, watched, token, alsoWritable)
  }

  func change(_ watched: Int32, token: UInt64, alsoWritable: Bool) {
    control(EPOLL_CTL_MOD, watched, token, alsoWritable)
  }

  func remove(_ watched: Int32) { epoll_ctl(descriptor, EPOLL_CTL_DEL, watched, nil) }

  /// Blocks until something can be read and returns how many tokens there are. Zero when a signal came.
  mutating func wait() -> Int { Int(max(epoll_wait(descriptor, events, Int32(Self.capacity), -1), 0)) }

  /// The same without blocking.
  mutating func poll() -> Int { Int(max(epoll_wait(descriptor, events, Int32(Self.capacity), 0), 0)) }

  /// Whose descriptor can be read, or written if that was asked for.
  func token(_ index: Int) -> UInt64 { events[index].data.u64 }

  private func control(_ operation: Int32, _ watched: Int32, _ token: UInt64, _ alsoWritable: Bool) {
    let events = EPOLLIN.rawValue | (alsoWritable ? EPOLLOUT.rawValue : 0)
    var event = epoll_event(events: events, data: epoll_data_t(u64: token))
    epoll_ctl(descriptor, operation, watched, &event)
  }
}
