import Base
import CLinux
import Glibc

/// Which of this machine's addresses a peer sees.
public enum LocalAddress {
  /// The source address that the kernel picks for packets to `peer`; nil without a route. Sends nothing.
  public static func towards(_ peer: IPAddress) -> IPAddress? {
    let descriptor = socket(peer.isIPv4 ? AF_INET : AF_INET6, clinux_udp_socket_type, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // A connected UDP socket sends nothing; the port only has to be one.
    guard SocketAddress.with(Endpoint(peer, 9), { connect(descriptor, $0, $1) }) == 0 else { return nil }
    return SocketAddress.local(of: descriptor)?.address
  }

  /// The addresses of all interfaces, in the kernel's order. Empty when it does not tell.
  public static func all() -> [IPAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [IPAddress] = []
    var next = list
    while let entry = next?.pointee {
      if let endpoint = entry.ifa_addr.flatMap({ SocketAddress($0) })?.endpoint { found.append(endpoint.address) }
      next = entry.ifa_next
    }
    return found
  }

  /// A UDP port of `address` that the kernel says is free; nil when the address cannot be bound.
  public static func freePort(_ address: IPAddress) -> UInt16? {
    let descriptor = socket(address.isIPv4 ? AF_INET : AF_INET6, clinux_udp_socket_type, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard SocketAddress.with(Endpoint(address, 0), { bind(descriptor, $0, $1) }) == 0 else { return nil }
    return SocketAddress.local(of: descriptor)?.port
  }
}
