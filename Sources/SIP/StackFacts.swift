import Base
import CSofia

/// Copies what the facade lends for the time of a callback.
extension csofia_facts {
  var sourceEndpoint: Endpoint { Endpoint(stack: source) }
  var transport: SIPTransport { is_tcp ? .tcp : .udp }

  /// Media type in lower case without parameters. Empty when the header is absent.
  var mediaType: String {
    guard let text = String(stack: content_type) else { return "" }
    let type = text.split(separator: ";", maxSplits: 1).first ?? ""
    return type.filter { $0 != " " && $0 != "\t" }.lowercased()
  }

  var bodyBytes: [UInt8] {
    guard let body, body_count > 0 else { return [] }
    return Array(UnsafeRawBufferPointer(start: body, count: body_count))
  }

  /// Every header line in order. Comma-separated values stay on the line that they came in.
  var headers: [SIPHeader] {
    var headers: [SIPHeader] = []
    var cursor: UnsafeRawPointer?
    var header = csofia_header()
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 2048) { scratch in
      while csofia_next_header(message, &cursor, &header, scratch.baseAddress, scratch.count) {
        headers.append(
          SIPHeader(Self.text(header.name, header.name_count), Self.text(header.value, header.value_count)))
      }
    }
    return headers
  }

  var viaHops: [SIPVia] {
    var hops: [SIPVia] = []
    var cursor: UnsafeRawPointer?
    var via = csofia_via()
    while csofia_next_via(message, &cursor, &via) {
      let transport = String(stack: via.protocol)?.split(separator: "/").last.map(String.init) ?? ""
      hops.append(
        SIPVia(
          transport: transport.uppercased(), host: String(stack: via.host) ?? "",
          port: String(stack: via.port).flatMap { UInt16($0) }, received: String(stack: via.received),
          rport: String(stack: via.rport).flatMap { UInt16($0) }, branch: String(stack: via.branch) ?? ""))
    }
    return hops
  }

  func request() -> SIPRequest {
    SIPRequest(
      method: String(stack: method) ?? "", sequenceNumber: sequence_number, source: sourceEndpoint,
      transport: transport, headers: headers, contentType: mediaType, body: bodyBytes)
  }

  func reply(localFailure: SIPLocalFailure?) -> SIPReply {
    SIPReply(
      status: Int(status), reasonPhrase: String(stack: phrase) ?? "", headers: message == nil ? [] : headers,
      body: bodyBytes, toTag: String(stack: to.tag) ?? "", localFailure: localFailure)
  }

  func invite(id: InviteID, local: Endpoint, replaces: ReplacedInvite?) -> IncomingInvite {
    let headers = headers
    return IncomingInvite(
      id: id, callID: String(stack: call_id) ?? "", sequenceNumber: sequence_number, requestURI: SIPURI(request_uri),
      from: SIPAddress(from), to: SIPAddress(to), contact: has_contact ? SIPAddress(contact) : nil, via: viaHops,
      source: sourceEndpoint, transport: transport, local: local, headers: headers, body: bodyBytes,
      raw: raw(headers), replaces: replaces)
  }

  /// The message as text; the first Via line is the one that the agent completed.
  private func raw(_ headers: [SIPHeader]) -> [UInt8] {
    var text = "\(String(stack: method) ?? "") \(String(stack: request_uri.text) ?? "") SIP/2.0\r\n"
    for header in headers { text += "\(header.name): \(header.value)\r\n" }
    return Array((text + "\r\n").utf8) + bodyBytes
  }

  /// A folded line (RFC 3261 §7.3.1) is one line with a space.
  private static func text(_ bytes: UnsafePointer<CChar>, _ count: Int) -> String {
    let buffer = UnsafeRawBufferPointer(start: bytes, count: count)
    guard buffer.contains(where: { $0 == 0x0D || $0 == 0x0A }) else { return String(decoding: buffer, as: UTF8.self) }
    var line: [UInt8] = []
    var isFolded = false
    for byte in buffer {
      switch byte {
      case 0x0D, 0x0A: isFolded = true
      case 0x20, 0x09: if !isFolded { line.append(byte) }
      default:
        if isFolded { line.append(0x20) }
        isFolded = false
        line.append(byte)
      }
    }
    return String(decoding: line, as: UTF8.self)
  }
}

extension SIPURI {
  init(_ uri: csofia_uri) {
    let scheme = (String(stack: uri.scheme) ?? "").lowercased()
    var host = String(stack: uri.host) ?? ""
    if host.first == "[", host.last == "]" { host = String(host.dropFirst().dropLast()) }
    var user = Self.unescaped(String(stack: uri.user) ?? "")
    if scheme == "tel", user.isEmpty {
      user = host
      host = ""
    }
    self.init(
      scheme: scheme, user: user, host: host, port: String(stack: uri.port).flatMap { UInt16($0) },
      parameters: String(stack: uri.parameters) ?? "", description: String(stack: uri.text) ?? "")
  }

  /// Resolves `%HH` (RFC 3261 §19.1.2); what is not an escape stays.
  static func unescaped(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension SIPAddress {
  init(_ address: csofia_address) {
    self.init(
      displayName: Self.unquoted(String(stack: address.display) ?? ""), uri: SIPURI(address.uri),
      tag: String(stack: address.tag))
  }

  /// The text of a quoted-string (RFC 3261 §25.1), or the tokens as they stand.
  static func unquoted(_ text: String) -> String {
    guard text.utf8.count >= 2, text.utf8.first == UInt8(ascii: "\""), text.utf8.last == UInt8(ascii: "\"") else {
      return text
    }
    var bytes: [UInt8] = []
    var isEscaped = false
    for byte in text.utf8.dropFirst().dropLast() {
      if byte == UInt8(ascii: "\\"), !isEscaped {
        isEscaped = true
      } else {
        bytes.append(byte)
        isEscaped = false
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
