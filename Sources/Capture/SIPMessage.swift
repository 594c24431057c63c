/// A SIP message as text that can be changed in places and keeps its shape elsewhere: compact names, missing spaces,
/// folded lines and their order stay as the provider wrote them.
public struct SIPMessage: Hashable, Sendable {
  public struct Header: Hashable, Sendable {
    /// As written: `v`, `Via` or `VIA`.
    public var name: String
    /// What stands between name and value: `: `, `:` or more.
    public var separator: String
    /// As written, folds included.
    public var value: String

    public init(_ name: String, separator: String = ": ", _ value: String) {
      self.name = name
      self.separator = separator
      self.value = value
    }
  }

  public var startLine: String
  public var headers: [Header]
  public var body: [UInt8]

  public init(startLine: String, headers: [Header], body: [UInt8] = []) {
    self.startLine = startLine
    self.headers = headers
    self.body = body
  }

  // MARK: Start line

  /// Nil for a response.
  public var method: String? { isResponse ? nil : startLine.split(separator: " ").first.map(String.init) }

  /// The Request-URI. Nil for a response.
  public var requestURI: String? {
    let fields = startLine.split(separator: " ")
    return isResponse || fields.count < 3 ? nil : fields[1..<fields.count - 1].joined(separator: " ")
  }

  /// Nil for a request.
  public var status: Int? {
    let fields = startLine.split(separator: " ")
    return isResponse && fields.count >= 2 ? Int(fields[1]) : nil
  }

  /// What follows the status. Empty for a request.
  public var reasonPhrase: String {
    isResponse ? startLine.split(separator: " ", maxSplits: 2).dropFirst(2).joined() : ""
  }

  public var isResponse: Bool { startLine.hasPrefix("SIP/2.0 ") }

  // MARK: Headers

  /// The first value of a header, by its full name; the compact form is found too.
  public func value(_ name: String) -> String? { index(of: name).map { headers[$0].value } }

  public func values(_ name: String) -> [String] {
    let names = Self.spellings(of: name)
    return headers.filter { names.contains($0.name.lowercased()) }.map(\.value)
  }

  /// Changes the first header of that name where it stands, or appends one.
  public mutating func set(_ name: String, _ value: String) {
    if let index = index(of: name) { headers[index].value = value } else { headers.append(Header(name, value)) }
  }

  public mutating func remove(_ name: String) {
    let names = Self.spellings(of: name)
    headers.removeAll { names.contains($0.name.lowercased()) }
  }

  public func index(of name: String) -> Int? {
    let names = Self.spellings(of: name)
    return headers.firstIndex { names.contains($0.name.lowercased()) }
  }

  public var callID: String? { value("Call-ID") }
  public var fromTag: String? { value("From").flatMap { SIPValue.parameter("tag", of: $0) } }
  public var toTag: String? { value("To").flatMap { SIPValue.parameter("tag", of: $0) } }
  /// The transaction id of the topmost Via (RFC 3261 §8.1.1.7).
  public var branch: String? { value("Via").flatMap { SIPValue.parameter("branch", of: $0) } }

  public var cseq: (number: UInt32, method: String)? {
    guard let fields = value("CSeq")?.split(whereSeparator: { " \t".contains($0) }), fields.count == 2,
      let number = UInt32(fields[0])
    else { return nil }
    return (number, String(fields[1]))
  }

  /// Replaces the body and corrects Content-Length.
  public mutating func setBody(_ body: [UInt8]) {
    self.body = body
    set("Content-Length", String(body.count))
  }

  private static func spellings(of name: String) -> [String] {
    let name = name.lowercased()
    return [name] + (compactNames[name].map { [$0] } ?? [])
  }

  /// RFC 3261 §7.3.3 and the registry's later letters.
  private static let compactNames = [
    "call-id": "i", "contact": "m", "content-encoding": "e", "content-length": "l", "content-type": "c", "from": "f",
    "subject": "s", "supported": "k", "to": "t", "via": "v", "allow-events": "u", "event": "o", "refer-to": "r",
    "referred-by": "b", "session-expires": "x", "accept-contact": "a", "reject-contact": "j",
    "request-disposition": "d",
    "identity": "y",
  ]
}

extension SIPMessage {
  /// Parses one whole message, as it fills a datagram. Nil when it is not SIP.
  public init?(parsing bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count <= CaptureLimits.messageByteCount,
      let start = bytes.firstIndex(where: { $0 != 0x0D && $0 != 0x0A }), let head = Head(bytes[start...])
    else { return nil }
    self.init(startLine: head.startLine, headers: head.headers)
    let rest = bytes[head.end...]
    body = Array(rest.prefix(contentLength ?? rest.count))
  }

  /// Bytes of the body as the header says. Nil when it does not.
  var contentLength: Int? { value("Content-Length").flatMap { Int($0) }.map { max(0, $0) } }

  /// The message as it goes on the wire.
  public var bytes: [UInt8] {
    var text = startLine + "\r\n"
    for header in headers { text += "\(header.name)\(header.separator)\(header.value)\r\n" }
    return Array((text + "\r\n").utf8) + body
  }

  /// Start line and headers of a message, and where they end.
  struct Head {
    var startLine: String
    var headers: [Header]
    /// The first byte of the body.
    var end: Int

    /// Nil when the bytes do not begin with a start line, or do not hold the blank line.
    init?(_ bytes: ArraySlice<UInt8>) {
      var lines: [ArraySlice<UInt8>] = []
      var rest = bytes
      while true {
        guard let newline = rest.firstIndex(of: 0x0A), lines.count <= CaptureLimits.headerCount else { return nil }
        var line = rest[..<newline]
        if line.last == 0x0D { line.removeLast() }
        rest = rest[(newline + 1)...]
        if line.isEmpty { break }
        lines.append(line)
        if lines.count == 1, !Self.isStartLine(line) { return nil }
      }
      guard let first = lines.first else { return nil }
      startLine = String(decoding: first, as: UTF8.self)
      end = rest.startIndex
      headers = []
      for line in lines.dropFirst() {
        let text = String(decoding: line, as: UTF8.self)
        if text.first == " " || text.first == "\t", !headers.isEmpty {
          headers[headers.count - 1].value += "\r\n" + text
        } else if let header = Header(line: text) {
          headers.append(header)
        } else {
          return nil
        }
      }
    }

    /// `METHOD uri SIP/2.0` or `SIP/2.0 status reason`.
    private static func isStartLine(_ line: ArraySlice<UInt8>) -> Bool {
      let version = Array("SIP/2.0".utf8)
      if line.starts(with: version) { return true }
      guard line.suffix(version.count).elementsEqual(version), let space = line.firstIndex(of: 0x20) else {
        return false
      }
      let method = line[..<space]
      return !method.isEmpty && method.allSatisfy { (0x41...0x5A).contains($0) }
    }
  }
}

extension SIPMessage.Header {
  fileprivate init?(line: String) {
    guard let colon = line.firstIndex(of: ":") else { return nil }
    let nameEnd = line[..<colon].lastIndex { $0 != " " && $0 != "\t" }.map { line.index(after: $0) } ?? line.startIndex
    guard nameEnd > line.startIndex else { return nil }
    let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
    self.init(
      String(line[..<nameEnd]), separator: String(line[nameEnd..<value.startIndex]), String(value))
  }
}
