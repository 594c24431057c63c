import Base
import CSofia

extension String {
  /// Text of the stack; nil for a part that the message does not have.
  init?(stack text: UnsafePointer<CChar>?) {
    guard let text else { return nil }
    self.init(cString: text)
  }
}

extension Optional where Wrapped == String {
  /// Lends the text to a C call, NULL for nil.
  func withStackText<T>(_ body: (UnsafePointer<CChar>?) -> T) -> T {
    guard let self else { return body(nil) }
    return self.withCString(body)
  }
}

extension SIPHeader {
  /// The header section of `headers` for the stack. A line break or NUL inside a value would start a header of its own:
  /// such bytes become spaces, and a header whose name is not a token (RFC 3261 §25.1) is left out.
  static func block(_ headers: some Sequence<SIPHeader>) -> String? {
    var text = ""
    for header in headers where header.name.utf8.allSatisfy(isTokenByte) && !header.name.isEmpty {
      let value = header.value.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
      text += "\(header.name): \(String(decoding: value, as: UTF8.self))\r\n"
    }
    return text.isEmpty ? nil : text
  }

  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: "-.!%*_+`'~".utf8.contains(byte)
    }
  }
}

extension Endpoint {
  init(stack endpoint: csofia_endpoint) {
    self.init(
      endpoint.is_ipv4
        ? IPAddress(v4: UInt32(truncatingIfNeeded: endpoint.low)) : IPAddress(v6: endpoint.high, endpoint.low),
      endpoint.port)
  }
}

extension IPAddress {
  /// The form that stands in a URI: an IPv6 address in brackets (RFC 3261 §25.1).
  var uriHost: String { isIPv4 ? description : "[\(description)]" }

  /// Parses the host of a URI, brackets allowed. Nil for a name.
  init?(uriHost text: String) {
    if text.first == "[", text.last == "]" {
      self.init(text.dropFirst().dropLast())
    } else {
      self.init(text)
    }
  }
}
