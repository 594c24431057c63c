import Base
import Testing

@testable import SIP

@Suite("next hop")
struct NextHopTests {
  struct Case: Sendable {
    var host: String
    var isRoute: Bool
    var source: String
    var isOverridden: Bool
  }

  static let cases = [
    Case(host: "54.172.60.0", isRoute: true, source: "54.172.60.0", isOverridden: false),
    Case(host: "54.172.60.0", isRoute: false, source: "54.172.60.3", isOverridden: false),
    Case(host: "10.1.2.3", isRoute: false, source: "203.0.113.5", isOverridden: true),
    Case(host: "10.1.2.3", isRoute: true, source: "203.0.113.5", isOverridden: true),
    Case(host: "10.1.2.3", isRoute: true, source: "10.9.9.9", isOverridden: false),
    Case(host: "10.1.2.3", isRoute: false, source: "10.9.9.9", isOverridden: true),
    Case(host: "10.1.2.3", isRoute: false, source: "10.1.2.3", isOverridden: false),
    Case(host: "127.0.0.1", isRoute: false, source: "203.0.113.5", isOverridden: true),
    Case(host: "0.0.0.0", isRoute: false, source: "203.0.113.5", isOverridden: true),
    Case(host: "100.64.1.1", isRoute: false, source: "203.0.113.5", isOverridden: true),
    Case(host: "[2001:db8::1]", isRoute: false, source: "2001:db8::2", isOverridden: false),
    Case(host: "[fd00::1]", isRoute: false, source: "2001:db8::2", isOverridden: true),
    Case(host: "edge.example.com", isRoute: true, source: "203.0.113.5", isOverridden: true),
    Case(host: "phone.invalid", isRoute: false, source: "203.0.113.5", isOverridden: true),
    Case(host: "", isRoute: false, source: "203.0.113.5", isOverridden: true),
  ]

  @Test("the source of the call stands in for a hop that leads nowhere", arguments: cases)
  func override(testCase: Case) throws {
    let source = Endpoint(try #require(IPAddress(testCase.source)), 5080)
    let uri = NextHop.override(host: testCase.host, isRoute: testCase.isRoute, source: source, transport: .tcp)
    #expect(uri == (testCase.isOverridden ? "sip:\(source);transport=tcp;lr" : nil))
  }
}
