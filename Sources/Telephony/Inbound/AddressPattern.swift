import Base

/// One entry of `allowed_addresses`: an address, a CIDR block, a host name, or `provider:NAME`.
public struct AddressPattern: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  public enum Kind: Hashable, Sendable {
    case block(IPPrefix)
    /// Lower case. Matches the addresses that DNS gives for it.
    case host(String)
    /// What the provider file lists under this name.
    case provider(String)
    /// Holds characters that no address has. LiveKit drops such entries, and a list of nothing else allows everyone.
    case ignored
  }

  /// As written; also compared with the host of the From header.
  public let text: String
  public let kind: Kind

  public init(_ text: String) {
    self.text = text
    if text.hasPrefix(Self.providerPrefix) {
      kind = .provider(String(text.dropFirst(Self.providerPrefix.count)))
    } else if text.contains("://") || text.utf8.contains(where: Self.isForeign) {
      kind = .ignored
    } else if let block = IPPrefix(text) {
      kind = .block(block)
    } else {
      kind = .host(text.lowercased())
    }
  }

  public init(stringLiteral text: String) { self.init(text) }

  public static let providerPrefix = "provider:"

  /// Why the entry can match nothing, in words that follow the value. Nil when it is sound.
  public var problem: String? {
    switch kind {
    case .block: nil
    case .provider(let name): name.isEmpty ? "expected a provider's name after provider:" : nil
    case .ignored: "expected an address, a CIDR block, a host name or provider:NAME"
    case .host(let name): Self.hostProblem(name)
    }
  }

  /// Whether the host of a From header reads exactly so. A provider's name is not a host.
  func isHostText(_ host: String) -> Bool {
    if case .provider = kind { return false }
    return text == host
  }

  public var description: String { text }

  private static func hostProblem(_ name: String) -> String? {
    if name.isEmpty { return "expected an address, a CIDR block, a host name or provider:NAME" }
    if name.utf8.contains(UInt8(ascii: "/")) { return "expected a CIDR block such as 192.0.2.0/24" }
    if name.utf8.contains(UInt8(ascii: ":")) { return "expected an address without a port" }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    if labels.last?.utf8.allSatisfy(isDigit) == true { return "expected four numbers from 0 to 255" }
    let isName = name.utf8.count <= 253 && labels.allSatisfy(isLabel)
    return isName ? nil : "expected an address, a CIDR block, a host name or provider:NAME"
  }

  /// RFC 1123 §2.1, and the underscore that people use all the same.
  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
      && label.utf8.allSatisfy {
        isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-")
          || $0 == UInt8(ascii: "_")
      }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isForeign(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "+"), UInt8(ascii: "*"), UInt8(ascii: ";"),
      UInt8(ascii: ","), UInt8(ascii: " "), 0x09...0x0D:
      true
    default: false
    }
  }
}
