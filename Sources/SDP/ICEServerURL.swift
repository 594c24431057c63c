/// The address of a STUN or TURN server (RFC 7064 §3.1, RFC 7065 §3.1): `turn:turn.example.org:3478?transport=udp`.
public struct ICEServerURL: Hashable, Sendable {
  public enum Scheme: String, Hashable, Sendable {
    case stun, stuns, turn, turns

    var isSecure: Bool { self == .stuns || self == .turns }
  }

  public var scheme: Scheme
  /// A name or an address, an IPv6 address without brackets.
  public var host: String
  /// 3478, or 5349 for the secure schemes, when the URL has none.
  public var port: UInt16
  /// `?transport=tcp`, and the secure schemes without a transport.
  public var isStream: Bool

  /// Nil for anything else, and for text beyond 512 bytes.
  public init?(parsing text: String) {
    guard text.utf8.count <= 512, let colon = text.firstIndex(of: ":"),
      let scheme = Scheme(rawValue: text[..<colon].lowercased())
    else { return nil }
    var rest = text[text.index(after: colon)...]
    var transport = scheme.isSecure ? "tcp" : "udp"
    if let mark = rest.firstIndex(of: "?") {
      let query = rest[rest.index(after: mark)...]
      guard query.hasPrefix("transport=") else { return nil }
      transport = query.dropFirst("transport=".count).lowercased()
      rest = rest[..<mark]
    }
    guard transport == "udp" || transport == "tcp", let (host, port) = Self.hostAndPort(rest) else { return nil }
    self.scheme = scheme
    self.host = host
    self.port = port ?? (scheme.isSecure ? 5349 : 3478)
    isStream = transport == "tcp"
  }

  private static func hostAndPort(_ text: Substring) -> (host: String, port: UInt16?)? {
    let (host, rest): (Substring, Substring)
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      (host, rest) = (text[text.index(after: text.startIndex)..<end], text[text.index(after: end)...])
    } else {
      let end = text.firstIndex(of: ":") ?? text.endIndex
      (host, rest) = (text[..<end], text[end...])
    }
    guard !host.isEmpty, !host.contains(where: { $0 == "/" || $0 == "@" || $0 == " " }) else { return nil }
    if rest.isEmpty { return (String(host), nil) }
    guard rest.first == ":", let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
    return (String(host), port)
  }
}
