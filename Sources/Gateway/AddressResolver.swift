import Base
import Dispatch
import Glibc
import Linux

/// Looks host names up with the system's resolver, on a queue of its own since the call blocks.
public enum AddressResolver {
  private static let queue = DispatchQueue(label: "dns", attributes: .concurrent)

  /// Every address of the name, without order. Empty when there is none or the resolver failed.
  public static func addresses(of host: String) async -> Set<IPAddress> {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: lookUp(host)) }
    }
  }

  private static func lookUp(_ host: String) -> Set<IPAddress> {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_protocol = Int32(IPPROTO_UDP)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: Set<IPAddress> = []
    var next = list
    while let entry = next?.pointee {
      if let endpoint = entry.ai_addr.flatMap({ SocketAddress($0) })?.endpoint { found.insert(endpoint.address) }
      next = entry.ai_next
    }
    return found
  }
}
