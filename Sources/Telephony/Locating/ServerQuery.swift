import Base

/// A place that a request can be sent to.
public struct ServerTarget: Hashable, Sendable {
  public var endpoint: Endpoint
  /// `udp` or `tcp`.
  public var transport: TrunkTransport

  public init(_ endpoint: Endpoint, _ transport: TrunkTransport) {
    self.endpoint = endpoint
    self.transport = transport
  }
}

/// What DNS said.
public struct ServerRecords: Hashable, Sendable {
  /// By transport; nothing for one that has no records.
  public var services: [TrunkTransport: [ServiceRecord]] = [:]
  /// By host name in lower case, in the order of preference.
  public var addresses: [String: [IPAddress]] = [:]

  public init() {}
}

/// Where the server is that a host, port and transport stand for (RFC 3263 §4.1, §4.2; NAPTR is not asked for).
///
///     address literal                ─▶ the address, port 5060 unless given
///     host with port                 ─▶ A/AAAA of the host, that port
///     host ─▶ SRV _sip._udp, _sip._tcp ─▶ A/AAAA of each target, in the order of RFC 2782
///           └▶ no SRV record at all    ─▶ A/AAAA of the host, port 5060
///
/// Of two transports UDP's targets come first; without SRV records `auto` is UDP.
public struct ServerQuery: Hashable, Sendable {
  public let host: String
  public let port: UInt16?
  public let transport: TrunkTransport

  /// Places that one request is sent to at the most.
  public static let targetLimit = 16
  /// SRV records of one transport that are followed.
  private static let serviceLimit = 8
  private static let defaultPort: UInt16 = 5060

  /// - Parameter transport: `auto`, `udp` or `tcp`; another one has no targets.
  public init(_ server: SIPHostPort, transport: TrunkTransport) {
    let host = server.host.lowercased()
    self.host = host.hasSuffix(".") ? String(host.dropLast()) : host
    port = server.port
    self.transport = transport
  }

  private var literal: IPAddress? { IPAddress(host) }

  private var transports: [TrunkTransport] {
    switch transport {
    case .auto: [.udp, .tcp]
    case .udp, .tcp: [transport]
    case .tls: []
    }
  }

  /// Whether DNS is asked at all.
  public var needsRecords: Bool { literal == nil && !transports.isEmpty }

  /// The SRV records to ask for first: their owner's name and the transport that they are about.
  public var services: [(name: String, transport: TrunkTransport)] {
    guard needsRecords, port == nil else { return [] }
    return transports.map { ("_sip._\($0 == .tcp ? "tcp" : "udp").\(host)", $0) }
  }

  /// The names whose addresses to ask for next, each once.
  public func hosts(_ services: [TrunkTransport: [ServiceRecord]]) -> [String] {
    guard needsRecords else { return [] }
    let records = transports.compactMap { services[$0] }.filter { !$0.isEmpty }
    if records.isEmpty { return [host] }
    var names: [String] = []
    for record in records.flatMap({ $0 }) where !record.target.isEmpty && !names.contains(record.target) {
      if names.count < Self.targetLimit { names.append(record.target) }
    }
    return names
  }

  /// Where to send, first choice first. Empty: there is no such server.
  ///
  /// - Parameter generator: draws among SRV records of equal priority.
  public func targets(
    _ records: ServerRecords, using generator: inout some RandomNumberGenerator
  ) -> [ServerTarget] {
    let fallback = transport == .auto ? TrunkTransport.udp : transport
    if transports.isEmpty { return [] }
    if let literal { return [ServerTarget(Endpoint(literal, port ?? Self.defaultPort), fallback)] }
    var targets: [ServerTarget] = []
    if transports.allSatisfy({ records.services[$0]?.isEmpty ?? true }) {
      targets = addresses(of: host, port ?? Self.defaultPort, fallback, records)
    }
    for transport in transports {
      let services = Self.ordered(records.services[transport] ?? [], using: &generator)
      for service in services.prefix(Self.serviceLimit) where !service.target.isEmpty {
        targets += addresses(of: service.target, service.port, transport, records)
      }
    }
    var seen: Set<ServerTarget> = []
    return Array(targets.filter { seen.insert($0).inserted }.prefix(Self.targetLimit))
  }

  private func addresses(
    of host: String, _ port: UInt16, _ transport: TrunkTransport, _ records: ServerRecords
  ) -> [ServerTarget] {
    (records.addresses[host] ?? []).map { ServerTarget(Endpoint($0, port), transport) }
  }

  /// RFC 2782: by priority; of one priority, each next one drawn with a chance in proportion to its weight.
  static func ordered(
    _ records: [ServiceRecord], using generator: inout some RandomNumberGenerator
  ) -> [ServiceRecord] {
    var ordered: [ServiceRecord] = []
    for priority in Set(records.map(\.priority)).sorted() {
      // Those of weight 0 stand first, so that they too are drawn now and then.
      let group = records.filter { $0.priority == priority }
      var rest = group.filter { $0.weight == 0 } + group.filter { $0.weight > 0 }
      while !rest.isEmpty {
        let drawn = Int.random(in: 0...rest.reduce(0) { $0 + Int($1.weight) }, using: &generator)
        var sum = 0
        let index = rest.firstIndex { record in
          sum += Int(record.weight)
          return sum >= drawn
        }
        ordered.append(rest.remove(at: index ?? 0))
      }
    }
    return ordered
  }
}
