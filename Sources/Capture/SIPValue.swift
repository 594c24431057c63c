/// Reads and changes parts of a header value without touching the rest of its text.
public enum SIPValue {
  /// The value of a header parameter: `tag` of a From, `branch` of a Via. Empty text when it has none.
  public static func parameter(_ name: String, of value: String) -> String? {
    guard let range = parameterRange(name, in: value) else { return nil }
    let text = value[range]
    guard let equals = text.firstIndex(of: "=") else { return "" }
    return trimmed(text[text.index(after: equals)...])
  }

  /// The value with a header parameter changed, or appended. A nil `new` takes it out.
  public static func setting(_ name: String, to new: String?, in value: String) -> String {
    var value = value
    if let range = parameterRange(name, in: value) {
      if let new {
        value.replaceSubrange(range, with: new.isEmpty ? name : "\(name)=\(new)")
      } else {
        value.removeSubrange(value.index(before: range.lowerBound)..<range.upperBound)
      }
    } else if let new {
      value += new.isEmpty ? ";\(name)" : ";\(name)=\(new)"
    }
    return value
  }

  /// The URI of a name-addr or addr-spec, without brackets and header parameters.
  public static func uri(of value: String) -> String { String(value[uriRange(in: value)]) }

  public static func settingURI(_ uri: String, in value: String) -> String {
    var value = value
    value.replaceSubrange(uriRange(in: value), with: uri)
    return value
  }

  /// `user` of `sip:user:password@host`. Nil when the URI has none.
  public static func user(ofURI uri: String) -> String? {
    guard let at = uri.lastIndex(of: "@"), let colon = uri.firstIndex(of: ":"), colon < at else { return nil }
    return String(uri[uri.index(after: colon)..<at].prefix { $0 != ":" && $0 != ";" })
  }

  /// `host:port` of a URI, with the brackets of an IPv6 address.
  public static func hostPort(ofURI uri: String) -> String { String(uri[hostRange(in: uri)]) }

  public static func settingHostPort(_ hostPort: String, inURI uri: String) -> String {
    var uri = uri
    uri.replaceSubrange(hostRange(in: uri), with: hostPort)
    return uri
  }

  /// The protocol and sent-by of a Via: `SIP/2.0/UDP`, `192.0.2.1:5060`.
  public static func settingSentBy(transport: String, _ hostPort: String, inVia value: String) -> String {
    let parameters = value.firstIndex(of: ";").map { value[$0...] } ?? ""
    return "SIP/2.0/\(transport) \(hostPort)\(parameters)"
  }

  private static func uriRange(in value: String) -> Range<String.Index> {
    // A display name in quotes may hold angle brackets.
    var rest = value[...]
    if let open = rest.firstIndex(of: "\""), !rest[..<open].contains("<"),
      let close = closingQuote(in: rest[value.index(after: open)...])
    {
      rest = value[value.index(after: close)...]
    }
    if let open = rest.firstIndex(of: "<") {
      let start = value.index(after: open)
      return start..<(value[start...].firstIndex(of: ">") ?? value.endIndex)
    }
    let start = rest.firstIndex { $0 != " " && $0 != "\t" } ?? value.endIndex
    return start..<(value[start...].firstIndex { $0 == ";" || $0 == "," } ?? value.endIndex)
  }

  private static func closingQuote(in text: Substring) -> String.Index? {
    var isEscaped = false
    return text.indices.first { index in
      defer { isEscaped = !isEscaped && text[index] == "\\" }
      return text[index] == "\"" && !isEscaped
    }
  }

  private static func hostRange(in uri: String) -> Range<String.Index> {
    let afterScheme = uri.firstIndex(of: ":").map { uri.index(after: $0) } ?? uri.startIndex
    let start = uri.lastIndex(of: "@").map { uri.index(after: $0) } ?? afterScheme
    return start..<(uri[start...].firstIndex { $0 == ";" || $0 == "?" || $0 == ">" } ?? uri.endIndex)
  }

  /// The range of `name` or `name=value` behind a semicolon, outside the URI.
  private static func parameterRange(_ name: String, in value: String) -> Range<String.Index>? {
    var start = value.contains("<") ? uriRange(in: value).upperBound : value.startIndex
    while let semicolon = value[start...].firstIndex(of: ";") {
      let first = value.index(after: semicolon)
      let end = value[first...].firstIndex { $0 == ";" || $0 == "," || $0.isNewline } ?? value.endIndex
      let own = value[first..<end].prefix { $0 != "=" }
      if trimmed(own).lowercased() == name.lowercased() { return first..<end }
      start = end
    }
    return nil
  }

  static func trimmed(_ text: Substring) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r\n" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
