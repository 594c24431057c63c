import Base
import Telephony
import Yams

/// How one kind of value is written in the file.
struct ValueFormat<Value: Sendable>: Sendable {
  /// Completes "expected …".
  let expected: String
  let parse: @Sendable (Node) -> Value?

  /// A format over the text of a scalar, whatever YAML would take it for: `+15550100` stays a number to dial.
  init(_ expected: String, ofText parse: @escaping @Sendable (String) -> Value?) {
    self.expected = expected
    self.parse = { node in node.scalar.flatMap { parse($0.string) } }
  }

  init(_ expected: String, parse: @escaping @Sendable (Node) -> Value?) {
    self.expected = expected
    self.parse = parse
  }
}

extension ValueFormat where Value == String {
  static let text = ValueFormat("expected text") { (text: String) in text }
  static let nonEmptyText = ValueFormat("expected text that is not empty") { (text: String) in text.isEmpty ? nil : text
  }
}

extension ValueFormat where Value == Bool {
  static let bool = ValueFormat("expected true or false") { (text: String) in
    ["true": true, "yes": true, "on": true, "false": false, "no": false, "off": false][text.lowercased()]
  }
}

extension ValueFormat where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> ValueFormat {
    let limits =
      range.upperBound == .max ? "of \(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
    return ValueFormat("expected a whole number \(limits)") { (text: String) in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension ValueFormat where Value == UInt16 {
  static let port = ValueFormat("expected a port, 1 to 65535") { (text: String) in
    UInt16(text).flatMap { $0 == 0 ? nil : $0 }
  }
}

extension ValueFormat where Value == ClosedRange<UInt16> {
  static let portRange = ValueFormat("expected two ports, the lower first: 10000-20000") { (text: String) in
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
      .map { UInt16($0.trimmingSpaces()) ?? 0 }
    guard bounds.count == 2, bounds[0] > 0, bounds[0] < bounds[1] else { return nil }
    return bounds[0]...bounds[1]
  }

  /// `7882`, or livekit-server's `7882-7890`.
  static let portOrRange = ValueFormat("expected a port or a range of ports: 7882, 7882-7889") { (text: String) in
    if let port = UInt16(text), port > 0 { return port...port }
    return portRange.parse(Node(text))
  }
}

extension ValueFormat where Value == IPAddress {
  static let address = ValueFormat("expected an IP address") { (text: String) in IPAddress(text) }
}

extension ValueFormat where Value == Endpoint {
  /// Port 53 unless it is given.
  static let nameServer = ValueFormat("expected an IPv4 address, with or without a port: 192.0.2.53, 127.0.0.1:8600") {
    (text: String) in
    let endpoint = IPAddress(text).map { Endpoint($0, 53) } ?? Endpoint(text)
    return endpoint.flatMap { $0.address.isIPv4 && $0.port > 0 ? $0 : nil }
  }
}

extension ValueFormat where Value == IPPrefix {
  static let prefix = ValueFormat("expected a block of addresses: 192.168.0.0/24") { (text: String) in IPPrefix(text) }
}

extension ValueFormat where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> ValueFormat {
    ValueFormat(
      "expected a time from \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound)):"
        + " 30s, 3m, 1h30m, or a number of seconds"
    ) { (text: String) in
      DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension ValueFormat where Value == Duration {
  static let ringingTimeout = duration(.seconds(1) ... .seconds(3600))
  static let callDuration = duration(.seconds(1) ... .seconds(30 * 86_400))
}

extension ValueFormat where Value == String {
  /// The realm stands in a quoted string of a header (RFC 3261 §25.1).
  static let realm = ValueFormat("expected printable characters without quotes") { (text: String) in
    let isSound = !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
    return isSound ? text : nil
  }
}

extension ValueFormat where Value == AddressPattern {
  static let addressPattern = ValueFormat("expected an address, a CIDR block, a host name or provider:NAME") {
    (text: String) in AddressPattern(text)
  }
}

extension ValueFormat where Value == NumberPattern {
  static let number = ValueFormat("expected a number: +15550100, +44 or +1555*") { (text: String) in
    text.isEmpty ? nil : NumberPattern(text)
  }
}

extension ValueFormat where Value: RawRepresentable<String> {
  /// A protobuf enum as protojson writes it: by name, or by its number.
  static func protoEnum(_ names: [String]) -> ValueFormat {
    let list = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    return ValueFormat("expected \(list)") { (text: String) in
      let name = Int(text).map { names.indices.contains($0) ? names[$0] : "" } ?? text
      return names.contains(name) ? Value(rawValue: name) : nil
    }
  }
}

extension Sequence<(String, String)> {
  var dictionary: [String: String] { Dictionary(self, uniquingKeysWith: { $1 }) }
}

extension ValueFormat where Value: RawRepresentable<String> & CaseIterable {
  /// One of the raw values, compared without case.
  static var choice: ValueFormat {
    let names = Value.allCases.map(\.rawValue)
    let list =
      names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    return ValueFormat("expected \(list)") { (text: String) in
      Value.allCases.first { $0.rawValue.lowercased() == text.lowercased() }
    }
  }
}

extension StringProtocol {
  func trimmingSpaces() -> SubSequence {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
      return self[startIndex..<startIndex]
    }
    return self[first...last]
  }
}
