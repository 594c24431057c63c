import Base
import CLinux
import Glibc

/// `sockaddr_in` or `sockaddr_in6` in the memory of the larger one.
struct SocketAddress {
  var storage = sockaddr_in6()

  static let byteCount = MemoryLayout<sockaddr_in6>.size

  init() {}

  init(_ endpoint: Endpoint) { set(endpoint) }

  var length: socklen_t {
    socklen_t(storage.sin6_family == sa_family_t(AF_INET) ? MemoryLayout<sockaddr_in>.size : Self.byteCount)
  }

  mutating func set(_ endpoint: Endpoint) {
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
  var endpoint: Endpoint? {
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

  private static let portOffset = 2
  private static let v4Offset = 4
  private static let v6Offset = 8
}
