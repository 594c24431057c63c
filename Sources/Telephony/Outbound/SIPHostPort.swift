import Base

/// `host`, `host:port`, `192.0.2.1:5060` or `[2001:db8::1]:5060`: where a trunk is.
public struct SIPHostPort: Hashable, Sendable, CustomStringConvertible {
  /// A name, an IPv4 address, or an IPv6 address without brackets.
  public var host: String
  /// Nil: SRV records decide where the host is a name (RFC 3263 §4.2), else 5060.
  public var port: UInt16?

  public init(host: String, port: UInt16? = nil) {
    self.host = host
    self.port = port
  }

  /// Nil unless it is a host name or an address, with or without a port from 1 to 65535.
  public init?(_ text: String) {
    if let address = IPAddress(text), !address.isIPv4 {
      self.init(host: address.description)
      return
    }
    guard let (host, port) = Self.split(text), Self.isHost(host) else { return nil }
    self.init(host: host, port: port)
  }

  /// As a URI has it: an IPv6 address in brackets.
  public var uriHost: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

  public var description: String { uriHost + (port.map { ":\($0)" } ?? "") }

  /// Longest host name (RFC 1035 §2.3.4).
  static let hostLimit = 253

  private static func split(_ text: String) -> (host: String, port: UInt16?)? {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let inner = text[..<end].dropFirst()
      guard let address = IPAddress(String(inner)), !address.isIPv4 else { return nil }
      let rest = text[end...].dropFirst()
      if rest.isEmpty { return (address.description, nil) }
      guard rest.first == ":", let port = port(rest.dropFirst()) else { return nil }
      return (address.description, port)
    }
    guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
    guard let port = port(text[colon...].dropFirst()) else { return nil }
    return (String(text[..<colon]), port)
  }

  private static func port(_ text: Substring) -> UInt16? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return UInt16(text).flatMap { $0 == 0 ? nil : $0 }
  }

  /// Labels of letters, digits, hyphens and underscores (SRV owners have those), or an address.
  static func isHost(_ host: String) -> Bool {
    if IPAddress(host) != nil { return true }
    guard (1...hostLimit).contains(host.utf8.count) else { return false }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    let named = host.hasSuffix(".") ? labels.dropLast() : labels[...]
    return !named.isEmpty && named.allSatisfy { label in (1...63).contains(label.utf8.count) && isLabel(label) }
  }

  private static func isLabel(_ label: Substring) -> Bool {
    label.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
