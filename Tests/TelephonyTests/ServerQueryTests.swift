import Base
import Testing

@testable import Telephony

@Suite("Where a server is (RFC 3263)")
struct ServerQueryTests {
  private static func query(_ text: String, _ transport: TrunkTransport = .auto) throws -> ServerQuery {
    ServerQuery(try #require(SIPHostPort(text)), transport: transport)
  }

  private static func services(_ records: (UInt16, UInt16, UInt16, String)...) -> [ServiceRecord] {
    records.map { ServiceRecord(priority: $0.0, weight: $0.1, port: $0.2, target: $0.3) }
  }

  private static func addresses(_ table: [String: [String]]) -> [String: [IPAddress]] {
    table.mapValues { $0.compactMap { IPAddress($0) } }
  }

  private static func texts(_ targets: [ServerTarget]) -> [String] {
    targets.map { "\($0.endpoint) \($0.transport == .tcp ? "tcp" : "udp")" }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var server: String
    var transport = TrunkTransport.auto
    var services: [TrunkTransport: [ServiceRecord]] = [:]
    var addresses: [String: [String]] = [:]
    var asks: [String] = []
    var hosts: [String] = []
    var targets: [String]
    var testDescription: String { "\(server) \(transport)" }
  }

  static let cases = [
    Case(server: "192.0.2.1", targets: ["192.0.2.1:5060 udp"]),
    Case(server: "192.0.2.1:5070", transport: .tcp, targets: ["192.0.2.1:5070 tcp"]),
    Case(server: "[2001:db8::1]:5070", targets: ["[2001:db8::1]:5070 udp"]),
    Case(
      server: "Example.com:5070", addresses: ["example.com": ["192.0.2.1", "192.0.2.2"]], hosts: ["example.com"],
      targets: ["192.0.2.1:5070 udp", "192.0.2.2:5070 udp"]),
    Case(
      server: "example.com:5070", transport: .tcp, addresses: ["example.com": ["192.0.2.1"]], hosts: ["example.com"],
      targets: ["192.0.2.1:5070 tcp"]),
    Case(
      server: "example.com", addresses: ["example.com": ["192.0.2.1"]],
      asks: ["_sip._udp.example.com", "_sip._tcp.example.com"], hosts: ["example.com"], targets: ["192.0.2.1:5060 udp"]),
    Case(
      server: "example.com.", transport: .tcp, addresses: ["example.com": ["192.0.2.1"]],
      asks: ["_sip._tcp.example.com"], hosts: ["example.com"], targets: ["192.0.2.1:5060 tcp"]),
    Case(
      server: "example.com",
      services: [.udp: services((20, 0, 5062, "b.example.com"), (10, 0, 5061, "a.example.com"))],
      addresses: ["a.example.com": ["192.0.2.1", "2001:db8::1"], "b.example.com": ["192.0.2.2"]],
      asks: ["_sip._udp.example.com", "_sip._tcp.example.com"], hosts: ["b.example.com", "a.example.com"],
      targets: ["192.0.2.1:5061 udp", "[2001:db8::1]:5061 udp", "192.0.2.2:5062 udp"]),
    Case(
      server: "example.com",
      services: [.tcp: services((1, 0, 5061, "a.example.com")), .udp: services((9, 0, 5060, "a.example.com"))],
      addresses: ["a.example.com": ["192.0.2.1"]], asks: ["_sip._udp.example.com", "_sip._tcp.example.com"],
      hosts: ["a.example.com"], targets: ["192.0.2.1:5060 udp", "192.0.2.1:5061 tcp"]),
    Case(
      server: "example.com", services: [.tcp: services((1, 0, 5061, "a.example.com"))],
      addresses: ["a.example.com": ["192.0.2.1"], "example.com": ["192.0.2.9"]],
      asks: ["_sip._udp.example.com", "_sip._tcp.example.com"], hosts: ["a.example.com"],
      targets: ["192.0.2.1:5061 tcp"]),
    Case(
      server: "example.com", transport: .udp, services: [.udp: services((0, 0, 0, ""))],
      addresses: ["example.com": ["192.0.2.9"]], asks: ["_sip._udp.example.com"], targets: []),
    Case(
      server: "example.com", transport: .udp,
      services: [.udp: services((1, 0, 5060, "gone.example.com"), (2, 0, 5060, "a.example.com"))],
      addresses: ["a.example.com": ["192.0.2.1"]], asks: ["_sip._udp.example.com"],
      hosts: ["gone.example.com", "a.example.com"], targets: ["192.0.2.1:5060 udp"]),
    Case(
      server: "example.com", transport: .udp,
      services: [.udp: services((1, 0, 5060, "a.example.com"), (2, 0, 5060, "b.example.com"))],
      addresses: ["a.example.com": ["192.0.2.1"], "b.example.com": ["192.0.2.1"]], asks: ["_sip._udp.example.com"],
      hosts: ["a.example.com", "b.example.com"], targets: ["192.0.2.1:5060 udp"]),
    Case(
      server: "example.com", asks: ["_sip._udp.example.com", "_sip._tcp.example.com"], hosts: ["example.com"],
      targets: []),
    Case(server: "192.0.2.1", transport: .tls, targets: []),
    Case(server: "example.com", transport: .tls, targets: []),
  ]

  @Test("what is asked of DNS, and where the request goes", arguments: cases)
  func order(testCase: Case) throws {
    let query = try Self.query(testCase.server, testCase.transport)
    #expect(query.services.map(\.name) == testCase.asks)
    #expect(query.hosts(testCase.services) == testCase.hosts)
    #expect(query.needsRecords == !testCase.hosts.isEmpty || !testCase.asks.isEmpty)
    var records = ServerRecords()
    records.services = testCase.services
    records.addresses = Self.addresses(testCase.addresses)
    var generator = RandomSource.seeded(1)
    #expect(Self.texts(query.targets(records, using: &generator)) == testCase.targets)
  }

  @Test("records of one priority are drawn in proportion to their weights")
  func weights() {
    let records = Self.services((1, 60, 1, "a"), (1, 30, 1, "b"), (1, 10, 1, "c"), (1, 0, 1, "z"), (0, 1, 1, "first"))
    var generator = RandomSource.seeded(20_261_121)
    var second: [String: Int] = [:]
    for _ in 0..<10_000 {
      let names = ServerQuery.ordered(records, using: &generator).map(\.target)
      #expect(names.count == 5 && Set(names).count == 5 && names[0] == "first")
      second[names[1], default: 0] += 1
    }
    #expect((5700...6300).contains(second["a"] ?? 0) && (2700...3300).contains(second["b"] ?? 0))
    #expect((800...1200).contains(second["c"] ?? 0) && (20...250).contains(second["z"] ?? 0))
  }

  @Test("a domain with very many servers costs no more than sixteen places")
  func bounds() throws {
    let query = try Self.query("example.com", .udp)
    var records = ServerRecords()
    records.services[.udp] = (0..<100).map {
      ServiceRecord(priority: UInt16($0), weight: 0, port: 5060, target: "h\($0).example.com")
    }
    for index in 0..<100 {
      records.addresses["h\(index).example.com"] = (0..<100).map { IPAddress(v4: UInt32(index * 256 + $0)) }
    }
    #expect(query.hosts(records.services).count == ServerQuery.targetLimit)
    var generator = RandomSource.seeded(1)
    #expect(query.targets(records, using: &generator).count == ServerQuery.targetLimit)
  }
}
