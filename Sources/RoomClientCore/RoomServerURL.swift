/// Where a LiveKit server is: `wss://rooms.example.com`, `ws://192.0.2.1:7880/livekit`.
public struct RoomServerURL: Hashable, Sendable {
  /// TLS, with a certificate for `host`.
  public let isSecure: Bool
  /// A name or an address, an IPv6 address without brackets.
  public let host: String
  public let port: UInt16
  /// What stands before `/rtc`, without a slash at its end.
  public let pathPrefix: String

  /// Takes `ws`, `wss`, `http` and `https`; nil for anything else, for a query, and for text beyond 1,024 bytes.
  public init?(_ text: String) {
    guard text.utf8.count <= 1_024, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let end = text.firstRange(of: "://")
    else { return nil }
    switch text[..<end.lowerBound].lowercased() {
    case "ws", "http": isSecure = false
    case "wss", "https": isSecure = true
    default: return nil
    }
    let rest = text[end.upperBound...]
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let path = rest[slash...]
    guard !rest.contains("?"), !rest.contains("#"), !rest.contains("@"),
      let (host, port) = Self.hostAndPort(rest[..<slash])
    else { return nil }
    self.host = host
    self.port = port ?? (isSecure ? 443 : 80)
    pathPrefix = String(path.reversed().drop { $0 == "/" }.reversed())
  }

  private static func hostAndPort(_ text: Substring) -> (host: String, port: UInt16?)? {
    let host: Substring
    let rest: Substring
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<end]
      rest = text[text.index(after: end)...]
      guard host.contains(":") else { return nil }
    } else {
      let end = text.firstIndex(of: ":") ?? text.endIndex
      host = text[..<end]
      rest = text[end...]
    }
    guard !host.isEmpty else { return nil }
    if rest.isEmpty { return (String(host), nil) }
    guard rest.first == ":", let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
    return (String(host), port)
  }

  /// LiveKit's own service, which has the same room in several places.
  public var isCloud: Bool {
    let host = host.lowercased()
    return host.hasSuffix(".livekit.cloud") || host.hasSuffix(".livekit.run")
  }

  /// The place of the HTTP services.
  public var httpURL: String { text(isSecure ? "https" : "http") }

  private func text(_ scheme: String) -> String {
    let name = host.contains(":") ? "[\(host)]" : host
    return "\(scheme)://\(name)" + (port == (isSecure ? 443 : 80) ? "" : ":\(port)") + pathPrefix
  }
}

extension RoomServerURL: CustomStringConvertible {
  public var description: String { text(isSecure ? "wss" : "ws") }
}
