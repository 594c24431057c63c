extension SIPURI {
  /// Parses `sip:user@host:port;parameters` as a person writes it. Nil without a host.
  public init?(text: String) {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let scheme = text[..<colon].lowercased()
    guard scheme == "sip" || scheme == "sips" else { return nil }
    let rest = text[text.index(after: colon)...]
    let hostStart = rest.lastIndex(of: "@").map { rest.index(after: $0) } ?? rest.startIndex
    let user = hostStart == rest.startIndex ? "" : String(rest[..<rest.index(before: hostStart)])
    let hostEnd = rest[hostStart...].firstIndex { $0 == ";" || $0 == "?" } ?? rest.endIndex
    let parameters = rest[hostEnd...].prefix { $0 != "?" }.dropFirst()
    guard let (host, port) = Self.hostAndPort(rest[hostStart..<hostEnd]) else { return nil }
    self.init(
      scheme: scheme, user: Self.unescaped(user), host: host, port: port, parameters: String(parameters),
      description: text)
  }

  private static func hostAndPort(_ text: Substring) -> (String, UInt16?)? {
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      guard !rest.isEmpty else { return (host, nil) }
      guard rest.first == ":", let port = UInt16(rest.dropFirst()) else { return nil }
      return (host, port)
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = parts.first, !host.isEmpty else { return nil }
    if parts.count == 1 { return (String(host), nil) }
    guard let port = UInt16(parts[1]) else { return nil }
    return (String(host), port)
  }
}
