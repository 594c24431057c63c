import Base
import CLinux
import Configuration
import Glibc

/// Which of the machine's addresses peers are told.
enum LocalAddresses {
  struct NotFound: Error, CustomStringConvertible {
    let description: String
  }

  /// The address to announce for a listener bound to `bound`.
  static func announced(_ choice: AnnouncedAddress, bound: IPAddress) async throws(NotFound) -> IPAddress {
    switch choice {
    case .fixed(let address): return address
    case .local: return bound.isUnspecified ? routed(isIPv4: bound.isIPv4) ?? .loopbackV4 : bound
    case .within(let block):
      if let address = all().first(where: block.contains) { return address }
      throw NotFound(description: "local_net: \(block): expected a block that holds an address of this machine")
    case .discovered:
      if let address = await PublicAddress.ask() { return address }
      throw NotFound(
        description: "use_external_ip: true: no STUN server answered; set nat_1_to_1_ip to the public address instead")
    }
  }

  /// The source address of the route to the Internet. Connecting a UDP socket sends nothing.
  static func routed(isIPv4: Bool) -> IPAddress? {
    guard let distant = IPAddress(isIPv4 ? "192.0.2.1" : "2001:db8::1") else { return nil }
    let descriptor = socket(isIPv4 ? AF_INET : AF_INET6, clinux_udp_socket_type, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let isConnected = SocketAddress.with(Endpoint(distant, 9)) { connect(descriptor, $0, $1) == 0 }
    return isConnected ? SocketAddress.local(of: descriptor)?.address : nil
  }

  static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  private static func all() -> [IPAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [IPAddress] = []
    var next = list
    while let entry = next?.pointee {
      if let address = entry.ifa_addr, let endpoint = SocketAddress.endpoint(address) { found.append(endpoint.address) }
      next = entry.ifa_next
    }
    return found
  }
}

/// Between `Endpoint` and the C socket calls.
enum SocketAddress {
  static func with<Result>(
    _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    func call<Raw>(_ raw: Raw) -> Result {
      withUnsafePointer(to: raw) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Raw>.size)) }
      }
    }
    if endpoint.address.isIPv4 {
      var raw = sockaddr_in()
      raw.sin_family = sa_family_t(AF_INET)
      raw.sin_port = endpoint.port.bigEndian
      raw.sin_addr.s_addr = endpoint.address.v4Bits.bigEndian
      return call(raw)
    }
    var raw = sockaddr_in6()
    raw.sin6_family = sa_family_t(AF_INET6)
    raw.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &raw.sin6_addr) {
      $0.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
      $0.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return call(raw)
  }

  /// Nil for other families than IPv4 and IPv6.
  static func endpoint(_ address: UnsafePointer<sockaddr>) -> Endpoint? {
    let raw = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      let value = raw.loadUnaligned(as: sockaddr_in.self)
      return Endpoint(IPAddress(v4: UInt32(bigEndian: value.sin_addr.s_addr)), UInt16(bigEndian: value.sin_port))
    case AF_INET6:
      let value = raw.loadUnaligned(as: sockaddr_in6.self)
      let (high, low) = withUnsafeBytes(of: value.sin6_addr) {
        ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      }
      return Endpoint(
        IPAddress(v6: UInt64(bigEndian: high), UInt64(bigEndian: low)), UInt16(bigEndian: value.sin6_port))
    default: return nil
    }
  }

  static func local(of descriptor: Int32) -> Endpoint? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length) == 0 ? endpoint($0) : nil
      }
    }
  }
}
