import Base

/// The plain header of DTLS records (RFC 6347 §4.1): as much of it as tells rubbish from a handshake.
///
///     type(1) | version(2) | epoch(2) | sequence number(6) | length(2) | fragment
enum DTLSRecord {
  static let headerByteCount = 13
  private static let lengthOffset = 11
  /// change_cipher_spec, alert, handshake, application_data.
  private static let types: ClosedRange<UInt8> = 20...23
  private static let alert: UInt8 = 21

  /// True when the datagram is made of whole records of known types and version.
  static func areWellFormed(_ datagram: RawSpan) -> Bool {
    var offset = 0
    while offset + headerByteCount <= datagram.byteCount {
      guard types.contains(datagram.uint8(at: offset)), datagram.uint8(at: offset + 1) == 0xFE else { return false }
      offset += headerByteCount + Int(datagram.uint16(at: offset + lengthOffset))
    }
    return offset > 0 && offset == datagram.byteCount
  }

  /// An alert of epoch 0 is neither encrypted nor signed: anyone could end a handshake with it.
  static func startsWithPlainAlert(_ datagram: RawSpan) -> Bool {
    datagram.uint8(at: 0) == alert && datagram.uint16(at: 3) == 0
  }

  /// The length of as many whole records as fit into `limit`. Zero when the first does not.
  static func byteCount(of records: UnsafeRawBufferPointer, upTo limit: Int) -> Int {
    var end = 0
    while end + headerByteCount <= records.count {
      let length = records.loadUnaligned(fromByteOffset: end + lengthOffset, as: UInt16.self).bigEndian
      let next = end + headerByteCount + Int(length)
      guard next <= min(limit, records.count) else { break }
      end = next
    }
    return end
  }
}
