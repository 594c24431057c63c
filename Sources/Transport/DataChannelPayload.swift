import Base

/// What the payload protocol identifier of an SCTP message says (RFC 8831 §8).
struct DataChannelPayload: Equatable {
  static let dcep: UInt32 = 50
  private static let string: UInt32 = 51
  private static let binary: UInt32 = 53
  private static let emptyString: UInt32 = 56
  private static let emptyBinary: UInt32 = 57

  let isText: Bool
  let isEmpty: Bool

  init(isText: Bool, isEmpty: Bool) {
    self.isText = isText
    self.isEmpty = isEmpty
  }

  /// Nil for what is no user message.
  init?(protocolID: UInt32) {
    switch protocolID {
    case Self.string: self.init(isText: true, isEmpty: false)
    case Self.binary: self.init(isText: false, isEmpty: false)
    case Self.emptyString: self.init(isText: true, isEmpty: true)
    case Self.emptyBinary: self.init(isText: false, isEmpty: true)
    default: return nil
    }
  }

  var protocolID: UInt32 {
    isEmpty ? (isText ? Self.emptyString : Self.emptyBinary) : (isText ? Self.string : Self.binary)
  }

  /// SCTP has no empty messages: one zero byte stands for none (§6.6).
  func withBytes<Result>(of message: RawSpan, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    isEmpty ? withUnsafeBytes(of: UInt8(0), body) : message.withUnsafeBytes(body)
  }
}
