import Base
import Glibc
import Linux

/// A UDP socket or TCP connection of a replay, non-blocking. Closed when the value goes.
struct ReplaySocket: ~Copyable {
  let descriptor: Int32
  let local: Endpoint
  let isStream: Bool

  deinit { close(descriptor) }

  private init(descriptor: Int32, local: Endpoint, isStream: Bool) {
    self.descriptor = descriptor
    self.local = local
    self.isStream = isStream
  }

  /// A UDP socket on a free port; an even one when it is for RTP (RFC 3550 §11).
  static func udp(on address: IPAddress, isEven: Bool = false) throws(ReplayError) -> ReplaySocket {
    for _ in 0..<64 {
      let descriptor = try open(address, SOCK_DGRAM)
      guard bind(descriptor, Endpoint(address, 0)), let local = SocketAddress.local(of: descriptor) else {
        let code = errno
        close(descriptor)
        throw ReplayError("\(address): cannot call from this address: \(String(cString: strerror(code)))")
      }
      let socket = ReplaySocket(descriptor: descriptor, local: local, isStream: false)
      if !isEven || local.port % 2 == 0 { return socket }
    }
    throw ReplayError("\(address): no free even port for RTP")
  }

  /// A TCP connection, waited for.
  static func tcp(from address: IPAddress, to target: Endpoint) throws(ReplayError) -> ReplaySocket {
    let descriptor = try open(address, SOCK_STREAM)
    guard bind(descriptor, Endpoint(address, 0)) else {
      close(descriptor)
      throw ReplayError("\(address): cannot call from this address")
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    let begun = SocketAddress.with(target) { Glibc.connect(descriptor, $0, $1) } == 0 || errno == EINPROGRESS
    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard begun, poll(&poller, 1, 5_000) == 1, getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0,
      code == 0, let local = SocketAddress.local(of: descriptor)
    else {
      close(descriptor)
      throw ReplayError("\(target): no TCP connection: \(String(cString: strerror(code == 0 ? ETIMEDOUT : code)))")
    }
    return ReplaySocket(descriptor: descriptor, local: local, isStream: true)
  }

  /// The local address from which a target is reached. Nothing is sent.
  static func sourceAddress(towards target: Endpoint) throws(ReplayError) -> IPAddress {
    guard let address = LocalAddress.towards(target.address) else { throw ReplayError("\(target): no route to it") }
    return address
  }

  /// Waits for DNS.
  static func resolve(_ target: String) throws(ReplayError) -> Endpoint {
    if let endpoint = Endpoint(target) { return endpoint }
    let colon = target.lastIndex(of: ":")
    let host = colon.map { String(target[..<$0]) } ?? target
    guard let port = colon.map({ UInt16(target[target.index(after: $0)...]) }) ?? 5_060 else {
      throw ReplayError("\(target): expected HOST:PORT")
    }
    if let address = IPAddress(host) { return Endpoint(address, port) }
    guard let address = NameLookup.addresses(of: host).first else { throw ReplayError("\(host): no such host") }
    return Endpoint(address, port)
  }

  /// Sends a datagram, or all of a message on the connection. False when the connection is gone.
  @discardableResult
  func send(_ bytes: [UInt8], to target: Endpoint) -> Bool {
    guard isStream else {
      _ = SocketAddress.with(target) { sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
      return true
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard errno == EAGAIN || errno == EINTR, poll(&poller, 1, 5_000) == 1 else { return false }
      }
    }
    return true
  }

  /// What has come: one datagram, or some bytes. Nil when nothing has; empty when the connection is closed.
  func receive(into buffer: inout [UInt8]) -> ArraySlice<UInt8>? {
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count >= 0 else { return nil }
    return buffer[..<count]
  }

  private static func open(_ address: IPAddress, _ kind: __socket_type) throws(ReplayError) -> Int32 {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.isIPv4 ? AF_INET : AF_INET6, Int32(kind.rawValue) | flags, 0)
    guard descriptor >= 0 else { throw ReplayError("no socket: \(String(cString: strerror(errno)))") }
    return descriptor
  }

  private static func bind(_ descriptor: Int32, _ endpoint: Endpoint) -> Bool {
    SocketAddress.with(endpoint) { Glibc.bind(descriptor, $0, $1) } == 0
  }
}
