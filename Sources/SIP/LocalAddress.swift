import Base
import CLinux
import Glibc

/// Which of this machine's addresses a peer sees.
enum LocalAddress {
  /// The source address that the kernel picks for packets to `peer`; nil without a route. Sends nothing.
  static func towards(_ peer: IPAddress) -> IPAddress? {
    let descriptor = socket(peer.isIPv4 ? AF_INET : AF_INET6, Int32(clinux_udp_socket_type), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // A connected UDP socket sends nothing; the port only has to be one.
    return call(descriptor, Endpoint(peer, 9), connect)?.address
  }

  /// Binds the socket to a port that the kernel picks.
  static func bindAnyPort(_ descriptor: Int32, _ address: IPAddress) -> UInt16? {
    call(descriptor, Endpoint(address, 0), bind)?.port
  }

  /// The IP address in a socket address of any family.
  static func read(_ address: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
    let bytes = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      return IPAddress(v4: UInt32(bigEndian: bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
    case AF_INET6:
      return read(bytes.loadUnaligned(as: sockaddr_in6.self))
    default: return nil
    }
  }

  private static func read(_ address: sockaddr_in6) -> IPAddress {
    withUnsafeBytes(of: address.sin6_addr) { bytes in
      IPAddress(
        v6: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  private typealias AddressCall = (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32

  /// Calls connect or bind with the endpoint and reads the socket's own address back.
  private static func call(_ descriptor: Int32, _ endpoint: Endpoint, _ function: AddressCall) -> Endpoint? {
    endpoint.address.isIPv4 ? ipv4(descriptor, endpoint, function) : ipv6(descriptor, endpoint, function)
  }

  private static func ipv4(_ descriptor: Int32, _ endpoint: Endpoint, _ function: AddressCall) -> Endpoint? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = endpoint.port.bigEndian
    address.sin_addr.s_addr = endpoint.address.v4Bits.bigEndian
    guard callAndName(descriptor, &address, function) else { return nil }
    return Endpoint(IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)), UInt16(bigEndian: address.sin_port))
  }

  private static func ipv6(_ descriptor: Int32, _ endpoint: Endpoint, _ function: AddressCall) -> Endpoint? {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
      bytes.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
      bytes.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    guard callAndName(descriptor, &address, function) else { return nil }
    return Endpoint(read(address), UInt16(bigEndian: address.sin6_port))
  }

  private static func callAndName<Address>(
    _ descriptor: Int32, _ address: inout Address, _ function: AddressCall
  ) -> Bool {
    var count = socklen_t(MemoryLayout<Address>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        function(descriptor, generic, count) == 0 && getsockname(descriptor, generic, &count) == 0
      }
    }
  }
}
