import Base

/// Writes one STUN message at the start of a buffer, attribute by attribute. Whoever uses it has made sure that all of
/// them fit; a buffer too small traps.
struct STUNWriter {
  private(set) var byteCount = STUNMessage.headerByteCount
  private let transactionID: STUNMessage.TransactionID

  init(_ kind: STUNMessage.Kind, _ transactionID: STUNMessage.TransactionID, in buffer: inout MutableRawSpan) {
    self.transactionID = transactionID
    buffer.set(kind.messageType, at: 0)
    buffer.set(UInt16(0), at: 2)
    buffer.set(STUNMessage.magicCookie, at: 4)
    buffer.set(transactionID.high, at: 8)
    buffer.set(transactionID.low, at: 12)
  }

  mutating func add(_ type: STUNAttribute, _ value: some Collection<UInt8>, in buffer: inout MutableRawSpan) {
    var offset = begin(type, byteCount: value.count, in: &buffer)
    for byte in value {
      buffer.set(byte, at: offset)
      offset += 1
    }
    while offset < byteCount {
      buffer.set(UInt8(0), at: offset)
      offset += 1
    }
  }

  mutating func add(_ type: STUNAttribute, _ value: UInt32, in buffer: inout MutableRawSpan) {
    let offset = begin(type, byteCount: 4, in: &buffer)
    buffer.set(value, at: offset)
  }

  mutating func add(_ type: STUNAttribute, _ value: UInt64, in buffer: inout MutableRawSpan) {
    let offset = begin(type, byteCount: 8, in: &buffer)
    buffer.set(value, at: offset)
  }

  mutating func add(xorMappedAddress endpoint: Endpoint, in buffer: inout MutableRawSpan) {
    add(.xorMappedAddress, endpoint, in: &buffer)
  }

  mutating func add(_ type: STUNAttribute, _ endpoint: Endpoint, in buffer: inout MutableRawSpan) {
    let address = endpoint.address
    let offset = begin(type, byteCount: address.isIPv4 ? 8 : 20, in: &buffer)
    buffer.set(UInt8(0), at: offset)
    buffer.set(address.isIPv4 ? Endpoint.ipv4Family : Endpoint.ipv6Family, at: offset + 1)
    buffer.set(endpoint.port ^ UInt16(STUNMessage.magicCookie >> 16), at: offset + 2)
    if address.isIPv4 {
      buffer.set(address.v4Bits ^ STUNMessage.magicCookie, at: offset + 4)
    } else {
      let mask = UInt64(STUNMessage.magicCookie) << 32 | UInt64(transactionID.high)
      buffer.set(address.high ^ mask, at: offset + 4)
      buffer.set(address.low ^ transactionID.low, at: offset + 12)
    }
  }

  /// The header of an attribute whose value of `byteCount` bytes follows already.
  mutating func addHeader(_ type: STUNAttribute, ofValue byteCount: Int, in buffer: inout MutableRawSpan) {
    _ = begin(type, byteCount: byteCount, in: &buffer)
  }

  /// MESSAGE-INTEGRITY, then FINGERPRINT: the end of the message.
  mutating func finish(key: STUNKey, in buffer: inout MutableRawSpan) {
    let integrityOffset = byteCount
    let valueOffset = begin(.messageIntegrity, byteCount: STUNMessage.integrityByteCount, in: &buffer)
    let tag = key.integrity(of: buffer.bytes, upTo: integrityOffset)
    for index in 0..<STUNMessage.integrityByteCount { buffer.set(tag[index], at: valueOffset + index) }
    let fingerprintOffset = byteCount
    let offset = begin(.fingerprint, byteCount: 4, in: &buffer)
    buffer.set(STUNFingerprint.value(of: buffer.bytes, upTo: fingerprintOffset), at: offset)
  }

  /// Writes an attribute's header and counts it in the message's length. Returns where its value goes.
  private mutating func begin(_ type: STUNAttribute, byteCount: Int, in buffer: inout MutableRawSpan) -> Int {
    let offset = self.byteCount
    buffer.set(type.rawValue, at: offset)
    buffer.set(UInt16(byteCount), at: offset + 2)
    self.byteCount = offset + 4 + (byteCount + 3) & ~3
    buffer.set(UInt16(self.byteCount - STUNMessage.headerByteCount), at: 2)
    return offset + 4
  }
}
