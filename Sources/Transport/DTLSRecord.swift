import Base

/// The plain header of DTLS records (RFC 6347 §4.1): as much of it as tells rubbish from a handshake.
///
///     type(1) | version(2) | epoch(2) | sequence number(6) | length(2) | fragment
enum DTLSRecord {
  static let headerByteCount = 13
  private static let lengthOffset = 11
  private static let changeCipherSpec: UInt8 = 20
  private static let handshake: UInt8 = 22
  private static let applicationData: UInt8 = 23

  /// True when the datagram is made of whole records of known types and version.
  static func areWellFormed(_ datagram: RawSpan) -> Bool {
    var offset = 0
    while offset + headerByteCount <= datagram.byteCount {
      guard (changeCipherSpec...applicationData).contains(datagram.uint8(at: offset)),
        datagram.uint8(at: offset + 1) == 0xFE
      else { return false }
      offset += headerByteCount + Int(datagram.uint16(at: offset + lengthOffset))
    }
    return offset > 0 && offset == datagram.byteCount
  }

  /// Of well-formed records: true when each unencrypted one (epoch 0) is what a peer in the other role may send during
  /// a handshake. An alert is not: anyone could end the handshake with it.
  static func mayBelongToHandshake(_ datagram: RawSpan, receiver: DTLSConnection.Role) -> Bool {
    var offset = 0
    while offset < datagram.byteCount {
      let start = offset + headerByteCount
      let end = start + Int(datagram.uint16(at: offset + lengthOffset))
      if datagram.uint16(at: offset + 3) == 0 {
        switch datagram.uint8(at: offset) {
        case changeCipherSpec:
          guard end - start == 1, datagram.uint8(at: start) == 1 else { return false }
        case handshake:
          guard DTLSHandshakeMessage.arePlausible(datagram.extracting(start..<end), receiver: receiver) else {
            return false
          }
        default: return false
        }
      }
      offset = end
    }
    return true
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

/// The header of handshake messages (RFC 6347 §4.2.2):
///
///     type(1) | length(3) | message_seq(2) | fragment_offset(3) | fragment_length(3) | fragment
private enum DTLSHandshakeMessage {
  private static let headerByteCount = 12
  /// A certificate chain is the longest message; a peer's is one certificate.
  private static let maximumByteCount: UInt32 = 64 << 10
  /// ClientHello, Certificate, CertificateVerify, ClientKeyExchange.
  private static let clientTypes: Set<UInt8> = [1, 11, 15, 16]
  /// ServerHello, HelloVerifyRequest, NewSessionTicket, Certificate, ServerKeyExchange, CertificateRequest,
  /// ServerHelloDone, CertificateStatus.
  private static let serverTypes: Set<UInt8> = [2, 3, 4, 11, 12, 13, 14, 22]

  /// True when the record holds whole fragments that lie within their messages.
  static func arePlausible(_ record: RawSpan, receiver: DTLSConnection.Role) -> Bool {
    let types = receiver == .server ? clientTypes : serverTypes
    var offset = 0
    while offset + headerByteCount <= record.byteCount {
      let length = record.uint32(at: offset) & 0xFF_FFFF
      let fragmentOffset = record.uint32(at: offset + 5) & 0xFF_FFFF
      let fragmentLength = record.uint32(at: offset + 8) & 0xFF_FFFF
      guard types.contains(record.uint8(at: offset)), length <= maximumByteCount,
        fragmentOffset + fragmentLength <= length
      else { return false }
      offset += headerByteCount + Int(fragmentLength)
    }
    return offset > 0 && offset == record.byteCount
  }
}
