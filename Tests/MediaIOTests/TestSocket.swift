import Base
import Glibc
import Linux

/// A UDP socket on 127.0.0.1 or ::1 with a free port, and the real clock, for tests that cross the kernel.
final class TestSocket {
  let local: Endpoint
  private let descriptor: Int32

  static let loopbackV6 = IPAddress(v6: 0, 1)

  /// Nil when the process has no descriptor left, or the machine no such family.
  init?(isIPv4: Bool = true) {
    let descriptor = socket(
      isIPv4 ? AF_INET : AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    let wanted = Endpoint(isIPv4 ? .loopbackV4 : Self.loopbackV6, 0)
    let isBound = SocketAddress.with(wanted) { bind(descriptor, $0, $1) == 0 }
    guard isBound, let local = SocketAddress.local(of: descriptor) else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    self.local = local
  }

  deinit { close(descriptor) }

  func send(_ datagram: [UInt8], to endpoint: Endpoint) {
    SocketAddress.with(endpoint) { _ = sendto(descriptor, datagram, datagram.count, 0, $0, $1) }
  }

  /// From here on nobody else's datagrams arrive: who had this port before may still be sent to.
  func connect(to peer: Endpoint) {
    SocketAddress.with(peer) { _ = Glibc.connect(descriptor, $0, $1) }
  }

  /// A datagram that waits. Nil when there is none.
  func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 2048)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count >= 0 ? Array(buffer[..<count]) : nil
  }

  static func now() -> MonotonicTime { MonotonicClock.now() }

  static func wait(until due: MonotonicTime) {
    var time = timespec(tv_sec: Int(due.nanoseconds / 1_000_000_000), tv_nsec: Int(due.nanoseconds % 1_000_000_000))
    clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil)
  }
}
