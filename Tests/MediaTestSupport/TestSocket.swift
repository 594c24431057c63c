import Base
import Glibc

/// A UDP socket on 127.0.0.1 or ::1 with a free port, and the real clock, for tests that cross the kernel.
public final class TestSocket {
  public let local: Endpoint
  private let descriptor: Int32

  public static let loopbackV6 = IPAddress(v6: 0, 1)

  /// Nil when the process has no descriptor left, or the machine no such family.
  public init?(isIPv4: Bool = true) {
    let descriptor = socket(
      isIPv4 ? AF_INET : AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    let wanted = Endpoint(isIPv4 ? .loopbackV4 : Self.loopbackV6, 0)
    let isBound = Self.withAddress(wanted) { bind(descriptor, $0, $1) == 0 }
    var address = sockaddr_in6()
    let isKnown = Self.withAddress(&address) { getsockname(descriptor, $0, $1) == 0 }
    guard isBound, isKnown else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    local = Endpoint(wanted.address, UInt16(bigEndian: address.sin6_port))
  }

  deinit { close(descriptor) }

  public func send(_ datagram: [UInt8], to endpoint: Endpoint) {
    Self.withAddress(endpoint) { _ = sendto(descriptor, datagram, datagram.count, 0, $0, $1) }
  }

  /// A datagram that waits. Nil when there is none.
  public func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 2048)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count >= 0 ? Array(buffer[..<count]) : nil
  }

  public static func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  public static func wait(until due: MonotonicTime) {
    var time = timespec(tv_sec: Int(due.nanoseconds / 1_000_000_000), tv_nsec: Int(due.nanoseconds % 1_000_000_000))
    clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil)
  }

  private static func withAddress<Result>(
    _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    if endpoint.address.isIPv4 {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = endpoint.port.bigEndian
      address.sin_addr.s_addr = endpoint.address.v4Bits.bigEndian
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
      bytes.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
      bytes.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }

  /// The port lies at the same place in both families' addresses.
  private static func withAddress<Result>(
    _ address: inout sockaddr_in6, _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
  ) -> Result {
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
  }
}
