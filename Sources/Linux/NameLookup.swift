import Base
import CLinux
import Glibc

/// Look-ups of names. They block, for seconds when a server does not answer.
public enum NameLookup {
  /// Record types of `query` (RFC 1035 §3.2.2, RFC 3596, RFC 2782).
  public enum RecordType: Int32, Sendable {
    case a = 1
    case aaaa = 28
    case srv = 33
  }

  /// A larger response is cut off, and then ends early.
  private static let responseByteLimit = 8192

  /// `getaddrinfo`: the hosts file, DNS and whatever else the machine is set up to ask. Each address once, in the order
  /// of preference. Empty when there is none or nobody knew.
  public static func addresses(of host: String) -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_protocol = Int32(IPPROTO_UDP)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [IPAddress] = []
    var next = list
    while let entry = next?.pointee {
      if let address = entry.ai_addr.flatMap({ SocketAddress($0) })?.endpoint?.address, !found.contains(address) {
        found.append(address)
      }
      next = entry.ai_next
    }
    return found
  }

  /// `res_nquery`: a DNS response with at least one answer. Nil when there is none.
  ///
  /// - Parameters:
  ///   - name: fully qualified; no search domain is added.
  ///   - server: an IPv4 address and port. Nil: the servers of `/etc/resolv.conf`.
  ///   - seconds: until a server is asked once more, or the next one.
  public static func query(
    _ name: String, _ type: RecordType, server: Endpoint? = nil, seconds: Int32 = 2
  ) -> [UInt8]? {
    var response = [UInt8](repeating: 0, count: responseByteLimit)
    let count = clinux_query(
      name, type.rawValue, server?.address.v4Bits ?? 0, server?.port ?? 0, seconds, &response, Int32(response.count))
    return count > 0 ? Array(response.prefix(Int(count))) : nil
  }
}
