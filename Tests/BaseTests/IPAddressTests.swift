import Base
import Testing

@Suite("IP addresses, prefixes and endpoints")
struct IPAddressTests {
  @Test(
    "an address reads and prints in its canonical form",
    arguments: [
      ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
      ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("fe80::1", "fe80::1"), ("::ffff:1.2.3.4", "1.2.3.4"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ])
  func canonicalForm(text: String, expected: String) {
    #expect(IPAddress(text)?.description == expected)
  }

  @Test(
    "text that is no address is refused",
    arguments: [
      "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.-4", "a.b.c.d", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9", "+1::2", "1.2.3.4::", "::1%lo",
    ])
  func refused(text: String) { #expect(IPAddress(text) == nil) }

  @Test(
    "a prefix contains exactly its block",
    arguments: [
      ("54.172.60.0/30", "54.172.60.3", true), ("54.172.60.0/30", "54.172.60.4", false), ("0.0.0.0/0", "9.9.9.9", true),
      ("10.0.0.7", "10.0.0.7", true), ("10.0.0.7", "10.0.0.8", false), ("2001:db8::/32", "2001:db8:1::9", true),
      ("2001:db8::/32", "2001:db9::", false), ("2001:db8::/96", "2001:db8::1:2", true), ("::/0", "1.2.3.4", false),
    ])
  func contains(prefix: String, address: String, expected: Bool) throws {
    let (prefix, address) = try (#require(IPPrefix(prefix)), #require(IPAddress(address)))
    #expect(prefix.contains(address) == expected)
  }

  @Test(
    "a prefix with a length out of range is refused",
    arguments: ["1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/-1", "x/8"])
  func badPrefix(text: String) { #expect(IPPrefix(text) == nil) }

  @Test("an endpoint reads both families", arguments: ["127.0.0.1:5060", "[::1]:5060"])
  func endpoint(text: String) { #expect(Endpoint(text)?.description == text) }
}
