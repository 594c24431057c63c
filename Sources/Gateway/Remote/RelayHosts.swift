import Base
import MediaCore
import RoomCore
import SDP

/// Addresses of the TURN servers that room servers name, for a while; also that there are none.
struct RelayHosts {
  private static let lifetime = Duration.seconds(60)
  private static let failureLifetime = Duration.seconds(5)
  private static let limit = 64
  /// Each look-up has a thread.
  private static let lookupLimit = 8

  private var answers: [String: (address: IPAddress?, expiry: MonotonicTime)] = [:]
  private var underWay: Set<String> = []

  /// Those that have an address. Nil: a name must be looked up first.
  func known(_ wanted: [RoomICEServer], now: MonotonicTime) -> [ICEServer]? {
    wanted.allSatisfy { isKnown($0.url.host, now) } ? servers(wanted, now: now) : nil
  }

  /// Those whose address is known.
  func servers(_ wanted: [RoomICEServer], now: MonotonicTime) -> [ICEServer] {
    wanted.compactMap { server in
      let host = server.url.host
      guard let address = IPAddress(host) ?? answer(host, now)?.address else { return nil }
      let transport: ICEServer.TransportProtocol =
        server.url.scheme == .turns ? .tls : server.url.isStream ? .tcp : .udp
      return ICEServer(
        endpoint: Endpoint(address, server.url.port), transport: transport, name: host, username: server.username,
        password: server.password)
    }
  }

  /// For each of them `note` must follow.
  mutating func namesToLookUp(_ wanted: [RoomICEServer], now: MonotonicTime) -> [String] {
    let missing = Set(wanted.map(\.url.host)).filter { !isKnown($0, now) && !underWay.contains($0) }
    let names = Array(missing.sorted().prefix(max(0, Self.lookupLimit - underWay.count)))
    underWay.formUnion(names)
    return names
  }

  mutating func note(_ name: String, _ address: IPAddress?, now: MonotonicTime) {
    underWay.remove(name)
    if answers.count >= Self.limit { answers = [:] }
    answers[name] = (address, now + (address == nil ? Self.failureLifetime : Self.lifetime))
  }

  private func isKnown(_ host: String, _ now: MonotonicTime) -> Bool {
    IPAddress(host) != nil || answer(host, now) != nil
  }

  private func answer(_ host: String, _ now: MonotonicTime) -> (address: IPAddress?, expiry: MonotonicTime)? {
    answers[host].flatMap { now < $0.expiry ? $0 : nil }
  }
}
