import Base
import Configuration
import Glibc
import Linux

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
      if let address = LocalAddress.all().first(where: block.contains) { return address }
      throw NotFound(description: "local_net: \(block): expected a block that holds an address of this machine")
    case .discovered:
      if let address = await PublicAddress.ask() { return address }
      throw NotFound(
        description: "use_external_ip: true: no STUN server answered; set nat_1_to_1_ip to the public address instead")
    }
  }

  /// The source address of the route to the Internet. Connecting a UDP socket sends nothing.
  static func routed(isIPv4: Bool) -> IPAddress? {
    IPAddress(isIPv4 ? "192.0.2.1" : "2001:db8::1").flatMap(LocalAddress.towards)
  }

  static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
