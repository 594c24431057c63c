import Base

extension SessionDescription {
  /// Parses a description; lines may end in CRLF or LF, and blank lines may follow the last.
  public init(parsing text: String, limits: SDPLimits = .sip) throws(SDPError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }

  public init(parsing bytes: [UInt8], limits: SDPLimits = .sip) throws(SDPError) {
    guard bytes.count <= limits.byteCount else {
      throw SDPError(.tooLarge, "\(bytes.count) bytes, expected at most \(limits.byteCount)")
    }
    var parser = SessionDescriptionParser(limits: limits)
    var line = 0
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      var content = rest[..<end]
      if content.last == UInt8(ascii: "\r") { content.removeLast() }
      rest = rest[min(end + 1, rest.endIndex)...]
      line += 1
      try parser.take(content, line: line)
    }
    self = try parser.finish()
  }
}

/// Takes one line after the other and grows the description.
private struct SessionDescriptionParser {
  private let limits: SDPLimits
  private var line = 0
  private var sawVersion = false
  private var sawEnd = false
  private var origin: SessionDescription.Origin?
  private var description = SessionDescription(
    origin: .init(sessionID: "0", version: "0", address: ConnectionAddress(.anyV4)))

  init(limits: SDPLimits) { self.limits = limits }

  mutating func take(_ content: ArraySlice<UInt8>, line: Int) throws(SDPError) {
    self.line = line
    if content.isEmpty {
      sawEnd = true
      return
    }
    guard !sawEnd else { throw malformed("text after a blank line, expected the end") }
    guard content.count <= limits.lineByteCount else {
      throw SDPError(.tooLarge, line: line, "\(content.count) bytes, expected at most \(limits.lineByteCount)")
    }
    guard content.count >= 2, content[content.startIndex + 1] == UInt8(ascii: "="),
      !content.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\r") })
    else { throw malformed("expected <letter>=<value>") }
    let value = String(decoding: content.dropFirst(2), as: UTF8.self)
    let type = content[content.startIndex]
    guard sawVersion || type == UInt8(ascii: "v") else { throw malformed("expected v=0 first") }
    switch type {
    case UInt8(ascii: "v"): try takeVersion(value)
    case UInt8(ascii: "o"): try takeOrigin(value)
    case UInt8(ascii: "s"): description.sessionName = value
    case UInt8(ascii: "c"): try takeConnection(value)
    case UInt8(ascii: "m"): try takeMedia(value)
    case UInt8(ascii: "a"): try takeAttribute(value)
    // Fields that say nothing to us: information, URI, e-mail, phone, bandwidth, times, keys.
    case UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "e"), UInt8(ascii: "p"), UInt8(ascii: "b"),
      UInt8(ascii: "t"), UInt8(ascii: "r"), UInt8(ascii: "z"), UInt8(ascii: "k"):
      break
    default: throw malformed("expected one of the letters v o s i u e p c b t r z k a m")
    }
  }

  consuming func finish() throws(SDPError) -> SessionDescription {
    guard sawVersion else { throw SDPError(.malformed, "empty, expected v=0") }
    guard let origin else { throw SDPError(.malformed, "no o= line") }
    description.origin = origin
    return description
  }

  private func malformed(_ reason: String) -> SDPError { SDPError(.malformed, line: line, reason) }

  private mutating func takeVersion(_ value: String) throws(SDPError) {
    guard value == "0", !sawVersion else { throw malformed("expected v=0 once") }
    sawVersion = true
  }

  private mutating func takeOrigin(_ value: String) throws(SDPError) {
    // A user name with spaces is against the RFC and is seen: count the fields from the end.
    let fields = value.split(separator: " ")
    guard fields.count >= 6, origin == nil, description.media.isEmpty else {
      throw malformed("expected o=<user> <session> <version> IN IP4|IP6 <address>, once")
    }
    origin = SessionDescription.Origin(
      username: fields.dropLast(5).joined(separator: " "), sessionID: String(fields[fields.count - 5]),
      version: String(fields[fields.count - 4]), address: try connection(fields.suffix(3)))
  }

  private mutating func takeConnection(_ value: String) throws(SDPError) {
    let connection = try connection(value.split(separator: " ")[...])
    if description.media.isEmpty {
      description.connection = connection
    } else if description.media[description.media.count - 1].connection == nil {
      // Further c= lines of one section are multicast layers (RFC 8866 §5.7): the first is enough to refuse it.
      description.media[description.media.count - 1].connection = connection
    }
  }

  private func connection(_ fields: ArraySlice<Substring>) throws(SDPError) -> ConnectionAddress {
    let fields = Array(fields)
    guard fields.count == 3, fields[0].uppercased() == "IN" else { throw malformed("expected IN IP4|IP6 <address>") }
    let host = fields[2].prefix { $0 != "/" }
    let family = fields[1].uppercased()
    guard family == "IP4" || family == "IP6", !host.isEmpty, host.utf8.count <= 255 else {
      throw malformed("expected IN IP4|IP6 <address>")
    }
    return ConnectionAddress(host: String(host), isIPv6: family == "IP6")
  }

  private mutating func takeMedia(_ value: String) throws(SDPError) {
    guard description.media.count < limits.mediaCount else {
      throw SDPError(.tooLarge, line: line, "more than \(limits.mediaCount) m= lines")
    }
    let fields = value.split(separator: " ")
    guard fields.count >= 4 else { throw malformed("expected m=<kind> <port> <transport> <formats>") }
    let ports = fields[1].split(separator: "/", omittingEmptySubsequences: false)
    guard ports.count <= 2, let port = UInt16(ports[0]), ports.count == 1 || UInt16(ports[1]) != nil else {
      throw malformed("expected a port 0…65535, found \(fields[1].prefix(20))")
    }
    guard fields.count - 3 <= limits.formatCount else {
      throw SDPError(.tooLarge, line: line, "more than \(limits.formatCount) formats")
    }
    description.media.append(
      MediaDescription(
        kind: fields[0].lowercased(), port: port, transport: fields[2].uppercased(),
        formats: fields[3...].map(String.init)))
  }

  private mutating func takeAttribute(_ value: String) throws(SDPError) {
    let halves = value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = halves.first, !name.isEmpty else { throw malformed("expected a=<name> or a=<name>:<value>") }
    let attribute = SDPAttribute(String(name), halves.count == 2 ? String(halves[1]) : nil)
    let last = description.media.count - 1
    let count = last < 0 ? description.attributes.count : description.media[last].attributes.count
    guard count < limits.attributeCount else {
      throw SDPError(.tooLarge, line: line, "more than \(limits.attributeCount) attributes in one section")
    }
    if last < 0 {
      description.attributes.append(attribute)
    } else {
      description.media[last].attributes.append(attribute)
    }
  }
}
