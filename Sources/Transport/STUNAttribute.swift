import Base

/// Attribute types (RFC 8489 §18.3, RFC 8445 §16.1, RFC 8656 §18).
struct STUNAttribute: Hashable, Sendable {
  let rawValue: UInt16

  init(_ rawValue: UInt16) { self.rawValue = rawValue }

  static let username = STUNAttribute(0x0006)
  static let messageIntegrity = STUNAttribute(0x0008)
  static let errorCode = STUNAttribute(0x0009)
  static let unknownAttributes = STUNAttribute(0x000A)
  static let channelNumber = STUNAttribute(0x000C)
  static let lifetime = STUNAttribute(0x000D)
  static let xorPeerAddress = STUNAttribute(0x0012)
  static let data = STUNAttribute(0x0013)
  static let realm = STUNAttribute(0x0014)
  static let nonce = STUNAttribute(0x0015)
  static let xorRelayedAddress = STUNAttribute(0x0016)
  static let requestedTransport = STUNAttribute(0x0019)
  static let xorMappedAddress = STUNAttribute(0x0020)
  static let priority = STUNAttribute(0x0024)
  static let useCandidate = STUNAttribute(0x0025)
  static let fingerprint = STUNAttribute(0x8028)
  static let iceControlled = STUNAttribute(0x8029)
  static let iceControlling = STUNAttribute(0x802A)

  /// The lower half of the types is comprehension-required.
  var mustBeUnderstood: Bool { rawValue < 0x8000 }

  /// Read above, or harmless here: MAPPED-ADDRESS, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH.
  var isKnown: Bool {
    switch rawValue {
    case 0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x000D, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016, 0x001C, 0x001D, 0x001E,
      0x0020, 0x0024, 0x0025:
      true
    default: false
    }
  }
}

extension Endpoint {
  static let ipv4Family: UInt8 = 1
  static let ipv6Family: UInt8 = 2

  /// The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2): zero, family, port and address, the latter two masked.
  init?(xorMapped value: RawSpan, transactionID: STUNMessage.TransactionID) {
    guard value.byteCount >= 8 else { return nil }
    let port = value.uint16(at: 2) ^ UInt16(STUNMessage.magicCookie >> 16)
    switch (value.uint8(at: 1), value.byteCount) {
    case (Self.ipv4Family, 8): self.init(IPAddress(v4: value.uint32(at: 4) ^ STUNMessage.magicCookie), port)
    case (Self.ipv6Family, 20):
      let high = value.uint64(at: 4) ^ (UInt64(STUNMessage.magicCookie) << 32 | UInt64(transactionID.high))
      self.init(IPAddress(v6: high, value.uint64(at: 12) ^ transactionID.low), port)
    default: return nil
    }
  }
}
