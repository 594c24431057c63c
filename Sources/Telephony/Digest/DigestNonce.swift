import Base

/// Nonces that need no memory: what they stand for is written in them and protected by an HMAC.
///
///     8 bytes   time of issue, ns of the monotonic clock
///     4 bytes   serial number, because two challenges may fall on one reading of the clock
///     1 byte    challenges this caller has failed before: 0 or 1
///     16 bytes  HMAC-SHA-256 over both, the realm and the source address, cut short
struct DigestNonce: Hashable, Sendable {
  var issued: MonotonicTime
  var serial: UInt32
  /// The caller has failed once: the next failure is the last.
  var isSecondChance: Bool

  private static let macByteCount = 16
  private static let plainByteCount = 13
  private static let byteCount = plainByteCount + macByteCount

  init(issued: MonotonicTime, serial: UInt32, isSecondChance: Bool) {
    self.issued = issued
    self.serial = serial
    self.isSecondChance = isSecondChance
  }

  /// Nil unless it was made here, for this realm and source.
  init?(_ text: String, realm: String, source: IPAddress?, key: [UInt8]) {
    guard text.utf8.count == 2 * Self.byteCount, let bytes = Digest.bytes(hexadecimal: text), bytes[12] <= 1 else {
      return nil
    }
    let nanoseconds = bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    issued = MonotonicTime(nanoseconds: Int64(bitPattern: nanoseconds))
    serial = bytes[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
    isSecondChance = bytes[12] == 1
    guard Digest.areEqual(Array(bytes[Self.plainByteCount...]), mac(realm: realm, source: source, key: key)) else {
      return nil
    }
  }

  func text(realm: String, source: IPAddress?, key: [UInt8]) -> String {
    Digest.hexadecimal(plain + mac(realm: realm, source: source, key: key))
  }

  private var plain: [UInt8] {
    let bits = UInt64(bitPattern: issued.nanoseconds)
    return (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) }
      + (0..<4).map { UInt8(truncatingIfNeeded: serial >> (24 - 8 * $0)) } + [isSecondChance ? 1 : 0]
  }

  private func mac(realm: String, source: IPAddress?, key: [UInt8]) -> [UInt8] {
    let address = source.map { "\($0)" } ?? ""
    // The address holds no line feed, so realm and address cannot be shifted into each other.
    let message = plain + Array(address.utf8) + [0x0A] + Array(realm.utf8)
    return Array(Digest.hmacSHA256(message, key: key).prefix(Self.macByteCount))
  }
}
