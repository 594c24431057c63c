import Base

/// Where a Redis server, Sentinel or node of a cluster listens: `redis:6379`, `10.0.0.5`, `[2001:db8::1]:6379`.
public struct RedisAddress: Hashable, Sendable, CustomStringConvertible {
  public static let defaultPort: UInt16 = 6379

  /// A name or an IP address, without brackets.
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16 = defaultPort) {
    self.host = host
    self.port = port
  }

  /// Nil for what names no host, or a port outside 1 to 65535.
  public init?(_ text: String) {
    if let endpoint = Endpoint(text), endpoint.port > 0 {
      self.init(host: "\(endpoint.address)", port: endpoint.port)
      return
    }
    let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
    if let address = IPAddress(bare) {
      self.init(host: "\(address)")
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let host = parts.first, Self.isHostName(host), parts.count <= 2 else { return nil }
    guard parts.count == 2 else {
      self.init(host: String(host))
      return
    }
    guard let port = UInt16(parts[1]), port > 0 else { return nil }
    self.init(host: String(host), port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func isHostName(_ text: Substring) -> Bool {
    (1...253).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}
