import Base

/// The Data Channel Establishment Protocol (RFC 8832): DATA_CHANNEL_OPEN and DATA_CHANNEL_ACK.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |  Message Type |  Channel Type |            Priority           |
///     |                    Reliability Parameter                      |
///     |         Label Length          |       Protocol Length         |
///     |                             Label                             |
///     |                            Protocol                           |
enum DCEP {
  /// What a DATA_CHANNEL_OPEN asks for (§5.1).
  struct Open: Equatable {
    var label: String
    var isOrdered: Bool
    var reliability: DataChannels.Reliability
  }

  enum Message: Equatable {
    case open(Open)
    case acknowledgement
  }

  /// Longer labels are refused; the stock clients' have 12 bytes.
  static let maximumLabelByteCount = 256
  private static let acknowledgementType: UInt8 = 0x02
  private static let openType: UInt8 = 0x03
  private static let headerByteCount = 12
  private static let unorderedFlag: UInt8 = 0x80

  static let acknowledgement: [UInt8] = [acknowledgementType]

  /// Nil for anything malformed or unknown.
  static func parse(_ message: RawSpan) -> Message? {
    guard message.byteCount > 0 else { return nil }
    switch message.uint8(at: 0) {
    case acknowledgementType: return .acknowledgement
    case openType: return parseOpen(message).map(Message.open)
    default: return nil
    }
  }

  private static func parseOpen(_ message: RawSpan) -> Open? {
    guard message.byteCount >= headerByteCount else { return nil }
    let channelType = message.uint8(at: 1)
    let parameter = message.uint32(at: 4)
    let labelEnd = headerByteCount + Int(message.uint16(at: 8))
    guard labelEnd - headerByteCount <= maximumLabelByteCount,
      labelEnd + Int(message.uint16(at: 10)) == message.byteCount
    else { return nil }
    let reliability: DataChannels.Reliability
    switch channelType & ~unorderedFlag {
    case 0: reliability = .reliable
    case 1: reliability = .retransmissions(parameter)
    case 2: reliability = .milliseconds(parameter)
    default: return nil
    }
    let label = message.extracting(headerByteCount..<labelEnd).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    return Open(label: label, isOrdered: channelType & unorderedFlag == 0, reliability: reliability)
  }

  static func message(for open: Open) -> [UInt8] {
    let (type, parameter): (UInt8, UInt32) =
      switch open.reliability {
      case .reliable: (0, 0)
      case .retransmissions(let count): (1, count)
      case .milliseconds(let lifetime): (2, lifetime)
      }
    let label = Array(open.label.utf8.prefix(maximumLabelByteCount))
    var bytes = [UInt8](repeating: 0, count: headerByteCount)
    var header = bytes.mutableSpan
    var raw = header.mutableBytes
    raw.set(openType, at: 0)
    raw.set(type | (open.isOrdered ? 0 : unorderedFlag), at: 1)
    raw.set(parameter, at: 4)
    raw.set(UInt16(label.count), at: 8)
    return bytes + label
  }
}
