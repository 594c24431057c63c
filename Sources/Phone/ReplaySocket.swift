import Base
import Glibc

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
      guard bind(descriptor, Endpoint(address, 0)), let local = name(of: descriptor) else {
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
    let begun = withSockaddr(target) { Glibc.connect(descriptor, $0, $1) } == 0 || errno == EINPROGRESS
    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard begun, poll(&poller, 1, 5_000) == 1, getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0,
      code == 0, let local = name(of: descriptor)
    else {
      close(descriptor)
      throw ReplayError("\(target): no TCP connection: \(String(cString: strerror(code == 0 ? ETIMEDOUT : code)))")
    }
    return ReplaySocket(descriptor: descriptor, local: local, isStream: true)
  }

  /// The local address from which a target is reached. Nothing is sent.
  static func sourceAddress(towards target: Endpoint) throws(ReplayError) -> IPAddress {
    let descriptor = try open(target.address, SOCK_DGRAM)
    defer { close(descriptor) }
    guard withSockaddr(target, { Glibc.connect(descriptor, $0, $1) }) == 0, let local = name(of: descriptor) else {
      throw ReplayError("\(target): no route to it")
    }
    return local.address
  }

  /// `getaddrinfo`: waits for DNS.
  static func resolve(_ target: String) throws(ReplayError) -> Endpoint {
    if let endpoint = Endpoint(target) { return endpoint }
    let colon = target.lastIndex(of: ":")
    let host = colon.map { String(target[..<$0]) } ?? target
    guard let port = colon.map({ UInt16(target[target.index(after: $0)...]) }) ?? 5_060 else {
      throw ReplayError("\(target): expected HOST:PORT")
    }
    if let address = IPAddress(host) { return Endpoint(address, port) }
    var list: UnsafeMutablePointer<addrinfo>?
    defer { if let list { freeaddrinfo(list) } }
    guard getaddrinfo(host, nil, nil, &list) == 0, let first = list?.pointee, let address = first.ai_addr,
      let endpoint = endpoint(address)
    else { throw ReplayError("\(host): no such host") }
    return Endpoint(endpoint.address, port)
  }

  /// Sends a datagram, or all of a message on the connection. False when the connection is gone.
  @discardableResult
  func send(_ bytes: [UInt8], to target: Endpoint) -> Bool {
    guard isStream else {
      _ = Self.withSockaddr(target) { sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
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
    withSockaddr(endpoint) { Glibc.bind(descriptor, $0, $1) } == 0
  }

  private static func name(of descriptor: Int32) -> Endpoint? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &length) == 0 ? endpoint(address) : nil
      }
    }
  }

  private static func endpoint(_ address: UnsafePointer<sockaddr>) -> Endpoint? {
    let bytes = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      let v4 = bytes.loadUnaligned(as: sockaddr_in.self)
      return Endpoint(IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)), UInt16(bigEndian: v4.sin_port))
    case AF_INET6:
      let v6 = bytes.loadUnaligned(as: sockaddr_in6.self)
      let (high, low) = withUnsafeBytes(of: v6.sin6_addr) {
        ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      }
      return Endpoint(
        IPAddress(v6: UInt64(bigEndian: high), UInt64(bigEndian: low)), UInt16(bigEndian: v6.sin6_port))
    default: return nil
    }
  }

  private static func withSockaddr<R>(
    _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
  ) -> R {
    func call<A>(_ address: A) -> R {
      withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<A>.size)) }
      }
    }
    if endpoint.address.isIPv4 {
      var v4 = sockaddr_in()
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = endpoint.port.bigEndian
      v4.sin_addr.s_addr = endpoint.address.v4Bits.bigEndian
      return call(v4)
    }
    var v6 = sockaddr_in6()
    v6.sin6_family = sa_family_t(AF_INET6)
    v6.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &v6.sin6_addr) {
      $0.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
      $0.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return call(v6)
  }
}
