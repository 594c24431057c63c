import Base
import CLinux
import Glibc
import Linux

/// A bound, non-blocking UDP socket. Closed when the value goes.
struct UDPSocket: ~Copyable {
  let descriptor: Int32
  /// The bound address; its port is the real one when 0 was asked for.
  let local: Endpoint

  struct BindError: Error {
    let operation: String
    let code: Int32
  }

  /// `receiveBufferByteCount` is a wish: the kernel clamps it to `net.core.rmem_max`. Packets are marked Expedited
  /// Forwarding (RFC 3246).
  static func bind(_ endpoint: Endpoint, receiveBufferByteCount: Int32) throws(BindError) -> UDPSocket {
    let family = endpoint.address.isIPv4 ? AF_INET : AF_INET6
    let descriptor = socket(family, clinux_udp_socket_type, 0)
    guard descriptor >= 0 else { throw BindError(operation: "socket", code: errno) }
    if family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    set(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBufferByteCount)
    set(descriptor, SOL_SOCKET, SO_SNDBUF, receiveBufferByteCount)
    if family == AF_INET {
      set(descriptor, Int32(IPPROTO_IP), IP_TOS, expeditedForwarding)
    } else {
      set(descriptor, Int32(IPPROTO_IPV6), IPV6_TCLASS, expeditedForwarding)
    }
    let isBound = SocketAddress.with(endpoint) { Glibc.bind(descriptor, $0, $1) == 0 }
    guard isBound, let local = SocketAddress.local(of: descriptor) else {
      let code = errno
      close(descriptor)
      throw BindError(operation: "bind \(endpoint)", code: code)
    }
    return UDPSocket(descriptor: descriptor, local: local)
  }

  private init(descriptor: Int32, local: Endpoint) {
    self.descriptor = descriptor
    self.local = local
  }

  deinit { close(descriptor) }

  private static let expeditedForwarding: Int32 = 46 << 2

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}
