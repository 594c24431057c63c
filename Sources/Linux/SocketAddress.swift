import Base
import CLinux
import Glibc

/// `sockaddr_in` or `sockaddr_in6` in the memory of the larger one: an `Endpoint` as the socket calls take it.
public struct SocketAddress {
  private var storage = sockaddr_in6()

  public static let byteCount = MemoryLayout<sockaddr_in6>.size

  /// No family yet: for a call to fill.
  public init() {}

  public init(_ endpoint: Endpoint) { set(endpoint) }

  /// Copies an address that libc lends; nil for a family that is neither IPv4 nor IPv6.
  public init?(_ address: UnsafePointer<sockaddr>) {
    let bytes = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      let value = bytes.loadUnaligned(as: sockaddr_in.self)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in.self) }
    case AF_INET6: storage = bytes.loadUnaligned(as: sockaddr_in6.self)
    default: return nil
    }
  }

  /// Bytes of the family's own structure.
  public var length: socklen_t {
    socklen_t(storage.sin6_family == sa_family_t(AF_INET) ? MemoryLayout<sockaddr_in>.size : Self.byteCount)
  }

  public mutating func set(_ endpoint: Endpoint) {
    storage = sockaddr_in6()
    if endpoint.address.isIPv4 {
      withUnsafeMutableBytes(of: &storage) { bytes in
        bytes.storeBytes(of: sa_family_t(AF_INET), as: sa_family_t.self)
        bytes.storeBytes(of: endpoint.port.bigEndian, toByteOffset: Self.portOffset, as: UInt16.self)
        bytes.storeBytes(of: endpoint.address.v4Bits.bigEndian, toByteOffset: Self.v4Offset, as: UInt32.self)
      }
    } else {
      storage.sin6_family = sa_family_t(AF_INET6)
      storage.sin6_port = endpoint.port.bigEndian
      withUnsafeMutableBytes(of: &storage.sin6_addr) { bytes in
        bytes.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
    }
  }

  /// Nil for a family that is neither.
  public var endpoint: Endpoint? {
    withUnsafeBytes(of: storage) { bytes in
      let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.portOffset, as: UInt16.self))
      switch Int32(storage.sin6_family) {
      case AF_INET:
        let bits = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.v4Offset, as: UInt32.self))
        return Endpoint(IPAddress(v4: bits), port)
      case AF_INET6:
        let high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.v6Offset, as: UInt64.self))
        let low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.v6Offset + 8, as: UInt64.self))
        return Endpoint(IPAddress(v6: high, low), port)
      default:
        return nil
      }
    }
  }

  /// Lends an endpoint to bind(2), connect(2) or sendto(2).
  public static func with<Result>(
    _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    let address = SocketAddress(endpoint)
    let length = address.length
    return withUnsafePointer(to: address.storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// Lends room for accept(2), getsockname(2) or recvfrom(2) to fill; nil when `body` gives a negative result or what it
  /// filled in is neither IPv4 nor IPv6.
  public static func filled(
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int
  ) -> (result: Int, endpoint: Endpoint)? {
    var address = SocketAddress()
    var length = socklen_t(byteCount)
    let result = withUnsafeMutablePointer(to: &address.storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
    guard result >= 0, let endpoint = address.endpoint else { return nil }
    return (result, endpoint)
  }

  /// getsockname(2): where the socket is bound. Nil when it is closed or of another family.
  public static func local(of descriptor: Int32) -> Endpoint? {
    filled { Int(getsockname(descriptor, $0, $1)) }?.endpoint
  }

  private static let portOffset = 2
  private static let v4Offset = 4
  private static let v6Offset = 8
}
