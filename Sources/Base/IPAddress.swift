/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is stored as the IPv4 address it means.
public struct IPAddress: Hashable, Sendable {
  /// The address as 128 bits in network order; an IPv4 address lies in the lowest 32.
  public let high: UInt64
  public let low: UInt64
  public let isIPv4: Bool

  public init(v4 bits: UInt32) {
    high = 0
    low = UInt64(bits)
    isIPv4 = true
  }

  public init(v6 high: UInt64, _ low: UInt64) {
    let isMapped = high == 0 && low >> 32 == 0xFFFF
    self.high = high
    self.low = isMapped ? low & 0xFFFF_FFFF : low
    isIPv4 = isMapped
  }

  /// Parses dotted decimal or RFC 4291 §2.2 text, without brackets, zone or port. Nil when it is neither.
  public init?(_ text: some StringProtocol) {
    if text.utf8.contains(UInt8(ascii: ":")) {
      guard let groups = Self.ipv6Groups(text) else { return nil }
      let words = groups.map(UInt64.init)
      self.init(
        v6: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
        words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7])
    } else {
      guard let bits = Self.ipv4Bits(text) else { return nil }
      self.init(v4: bits)
    }
  }

  public static let anyV4 = IPAddress(v4: 0)
  public static let loopbackV4 = IPAddress(v4: 0x7F00_0001)

  /// The IPv4 address as 32 bits. Zero for IPv6.
  public var v4Bits: UInt32 { isIPv4 ? UInt32(truncatingIfNeeded: low) : 0 }
  public var bitCount: Int { isIPv4 ? 32 : 128 }
  public var isUnspecified: Bool { high == 0 && low == 0 }
  public var isLoopback: Bool { isIPv4 ? v4Bits >> 24 == 127 : high == 0 && low == 1 }

  /// RFC 1918, RFC 6598, link-local and unique-local ranges: addresses that mean nothing to a distant peer.
  public var isPrivate: Bool {
    guard isIPv4 else { return high >> 57 == 0x7E || high >> 54 == 0x3FA }
    let bits = v4Bits
    return bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 || bits >> 22 == 0x191
      || bits >> 16 == 0xA9FE
  }

  private static func ipv4Bits(_ text: some StringProtocol) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard part.utf8.count <= 3, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part) else {
        return nil
      }
      bits = bits << 8 | UInt32(byte)
    }
    return bits
  }

  private static func ipv6Groups(_ text: some StringProtocol) -> [UInt16]? {
    guard text.utf8.count <= 45 else { return nil }
    let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    var lists: [[UInt16]] = []
    for (index, half) in halves.enumerated() {
      guard let groups = groups(half, mayEndInIPv4: index == halves.count - 1) else { return nil }
      lists.append(groups)
    }
    if lists.count == 1 { return lists[0].count == 8 ? lists[0] : nil }
    let missing = 8 - lists[0].count - lists[1].count
    return missing >= 1 ? lists[0] + Array(repeating: 0, count: missing) + lists[1] : nil
  }

  private static func groups(_ text: some StringProtocol, mayEndInIPv4: Bool) -> [UInt16]? {
    if text.isEmpty { return [] }
    var groups: [UInt16] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if mayEndInIPv4, index == parts.count - 1, let bits = ipv4Bits(part) {
        groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
      } else {
        guard (1...4).contains(part.utf8.count), part.first != "+", part.first != "-",
          let group = UInt16(part, radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups.count <= 8 ? groups : nil
  }
}

extension IPAddress: CustomStringConvertible {
  /// Dotted decimal, or the RFC 5952 form.
  public var description: String {
    if isIPv4 { return (0..<4).map { String(v4Bits >> (24 - 8 * $0) & 0xFF) }.joined(separator: ".") }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * ($0 % 4))) }
    var zeros = 0..<0
    var start = 0
    while start < 8 {
      let end = groups[start...].firstIndex { $0 != 0 } ?? 8
      if end - start > max(zeros.count, 1) { zeros = start..<end }
      start = max(end, start + 1)
    }
    func hex(_ range: some Sequence<Int>) -> String {
      range.map { String(groups[$0], radix: 16) }.joined(separator: ":")
    }
    return zeros.isEmpty ? hex(0..<8) : hex(0..<zeros.lowerBound) + "::" + hex(zeros.upperBound..<8)
  }
}

/// A block of addresses in CIDR form (RFC 4632). A bare address is the block that holds it alone.
public struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
  public let address: IPAddress
  public let length: Int

  /// Parses `address` or `address/length`. Nil when the address or the length is not valid.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(first) else { return nil }
    var length = address.bitCount
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(parts[1]), given <= length else {
        return nil
      }
      length = given
    }
    self.address = address
    self.length = length
  }

  public func contains(_ other: IPAddress) -> Bool {
    guard other.isIPv4 == address.isIPv4 else { return false }
    let highBits = address.isIPv4 ? 0 : min(length, 64)
    let lowBits = address.isIPv4 ? length + 32 : max(0, length - 64)
    return (other.high ^ address.high) & Self.mask(highBits) == 0
      && (other.low ^ address.low) & Self.mask(lowBits) & (address.isIPv4 ? 0xFFFF_FFFF : .max) == 0
  }

  public func overlaps(_ other: IPPrefix) -> Bool {
    length <= other.length ? contains(other.address) : other.contains(address)
  }

  public var description: String { "\(address)/\(length)" }

  private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : ~0 << UInt64(64 - bits) }
}

/// An address and a port: where a datagram comes from or goes to.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  public var address: IPAddress
  public var port: UInt16

  public init(_ address: IPAddress, _ port: UInt16) {
    self.address = address
    self.port = port
  }

  /// Parses `1.2.3.4:5060` or `[::1]:5060`.
  public init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = text[..<colon]
    if host.first == "[", host.last == "]" {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard let address = IPAddress(host) else { return nil }
    self.init(address, port)
  }

  public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
