/// The target of a request line in origin or absolute form (RFC 9112 §3.2), decoded.
struct RequestTarget {
  let path: String
  let query: [(name: String, value: String)]

  /// Nil for a bad percent escape, for bytes that are not UTF-8, and for a NUL.
  init?(_ text: String) {
    var bytes = Array(text.utf8)[...]
    if bytes.first != UInt8(ascii: "/") {
      guard let afterAuthority = Self.pathOfAbsoluteForm(bytes) else { return nil }
      bytes = afterAuthority
    }
    if let fragment = bytes.firstIndex(of: UInt8(ascii: "#")) { bytes = bytes[..<fragment] }
    let question = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
    guard let path = Self.decoded(bytes[..<question], plusIsSpace: false) else { return nil }
    var query: [(name: String, value: String)] = []
    for pair in bytes[question...].dropFirst().split(separator: UInt8(ascii: "&")) {
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      guard let name = Self.decoded(pair[..<equals], plusIsSpace: true),
        let value = Self.decoded(pair[equals...].dropFirst(), plusIsSpace: true)
      else { return nil }
      query.append((name, value))
    }
    self.path = path.isEmpty ? "/" : path
    self.query = query
  }

  private static func pathOfAbsoluteForm(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    if bytes.elementsEqual("*".utf8) { return bytes }
    let schemes = ["http://", "https://", "ws://", "wss://"]
    guard let scheme = schemes.first(where: { bytes.starts(with: $0.utf8) }) else { return nil }
    let rest = bytes.dropFirst(scheme.utf8.count)
    return rest[(rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex)...]
  }

  private static func decoded(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      var byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "%") {
        guard index + 1 < bytes.endIndex, let high = hexDigit(bytes[index]), let low = hexDigit(bytes[index + 1]) else {
          return nil
        }
        byte = high << 4 | low
        index += 2
      } else if byte == UInt8(ascii: "+"), plusIsSpace {
        byte = UInt8(ascii: " ")
      }
      if byte == 0 { return nil }
      result.append(byte)
    }
    return String(validating: result, as: UTF8.self)
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
