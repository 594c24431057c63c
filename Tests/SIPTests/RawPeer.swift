import Base
import CLinux
import Foundation
import Glibc
import Linux

/// A socket that speaks whatever bytes a test gives it. Every wait has a limit and is spent on a thread of its own.
// @unchecked: one test uses it, one call after the other.
final class RawPeer: @unchecked Sendable {
  let descriptor: Int32
  let isTCP: Bool
  private(set) var local: Endpoint = Endpoint(.loopbackV4, 0)
  private var received: [UInt8] = []

  /// A UDP socket on a free port of 127.0.0.1 (or of `address`), or a TCP connection to `target`.
  init(to target: Endpoint, tcp: Bool = false, from address: IPAddress = .loopbackV4) throws {
    isTCP = tcp
    let type = tcp ? clinux_tcp_socket_type : clinux_udp_socket_type & ~O_NONBLOCK
    descriptor = socket(target.address.isIPv4 ? AF_INET : AF_INET6, type, 0)
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if target.address.isIPv4 { try attach(Endpoint(address, 0), bind) }
    try attach(target, connect)
    local = SocketAddress.local(of: descriptor) ?? local
  }

  deinit { close(descriptor) }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// The next message; nil when none comes within the socket's limit.
  func receive(within seconds: Double = 5) async -> String? {
    await waiting { self.receiveNow(within: seconds) }
  }

  /// Waits outside the cooperative pool, whose threads all tests share.
  func waiting<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }

  func receiveNow(within seconds: Double = 5) -> String? {
    var limit = timeval(tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1e6))
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    while true {
      if isTCP, let message = nextMessage() { return message }
      var buffer = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      if !isTCP { return String(decoding: buffer[..<count], as: UTF8.self) }
      received += buffer[..<count]
    }
  }

  /// The next message that starts with `prefix`; others are skipped.
  func receive(_ prefix: String, within seconds: Double = 5) async -> String? {
    while let message = await receive(within: seconds) {
      if message.hasPrefix(prefix) { return message }
    }
    return nil
  }

  /// Whatever comes next; nil when nothing does.
  func receiveBytes() async -> [UInt8]? { await waiting { self.receiveBytesNow() } }

  private func receiveBytesNow() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  /// Whether the other side closes the connection within `seconds`; what it sends before is read and dropped.
  func isEnded(within seconds: Double) async -> Bool {
    await waiting {
      var entry = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
      while poll(&entry, 1, Int32(seconds * 1000)) > 0 {
        if self.receiveBytesNow() == nil { return true }
      }
      return false
    }
  }

  private func nextMessage() -> String? {
    let text = String(decoding: received, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
    let head = text[..<end.upperBound]
    let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.split(separator: ":")[1].filter { $0 != " " }) }
    let count = head.utf8.count + (length ?? 0)
    guard received.count >= count else { return nil }
    let message = String(decoding: received[..<count], as: UTF8.self)
    received.removeFirst(count)
    return message
  }

  private func attach(
    _ endpoint: Endpoint, _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws {
    if SocketAddress.with(endpoint, { function(descriptor, $0, $1) }) != 0 { throw SocketFailure(code: errno) }
  }

  private static func ipv6(_ endpoint: Endpoint) -> sockaddr_in6 {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
      bytes.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
      bytes.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return address
  }
}

struct SocketFailure: Error { var code: Int32 }
