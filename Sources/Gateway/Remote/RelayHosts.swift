import Base
import MediaCore
import RoomCore
import SDP

/// Addresses of the TURN servers that a room server names, for a while.
struct RelayHosts {
  private static let lifetime = Duration.seconds(60)
  private static let limit = 64

  private var addresses: [String: IPAddress] = [:]
  private var expiry = MonotonicTime.zero

  /// Nil: a name must be looked up first.
  mutating func known(_ wanted: [RoomICEServer], now: MonotonicTime) -> [ICEServer]? {
    if now >= expiry { addresses = [:] }
    guard wanted.allSatisfy({ IPAddress($0.url.host) != nil || addresses[$0.url.host] != nil }) else { return nil }
    return servers(wanted)
  }

  /// Those of them that have an address.
  func servers(_ wanted: [RoomICEServer]) -> [ICEServer] {
    wanted.compactMap { server in
      let host = server.url.host
      guard let address = IPAddress(host) ?? addresses[host] else { return nil }
      let transport: ICEServer.TransportProtocol =
        server.url.scheme == .turns ? .tls : server.url.isStream ? .tcp : .udp
      return ICEServer(
        endpoint: Endpoint(address, server.url.port), transport: transport, name: host, username: server.username,
        password: server.password)
    }
  }

  mutating func note(_ found: [String: IPAddress], now: MonotonicTime) {
    if addresses.count + found.count > Self.limit { addresses = [:] }
    addresses.merge(found) { $1 }
    expiry = now + Self.lifetime
  }

  static func lookUp(_ wanted: [RoomICEServer]) async -> [String: IPAddress] {
    var found: [String: IPAddress] = [:]
    for name in Set(wanted.map(\.url.host)) where IPAddress(name) == nil {
      found[name] = await AddressResolver.addresses(of: name).first
    }
    return found
  }
}
