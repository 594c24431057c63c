import Base

/// The responses of an ICE agent to a binding request that proved its key (RFC 8489 §6.3).
public enum STUNResponse {
  /// Room for any of them.
  public static let maximumByteCount = 128

  /// Success with XOR-MAPPED-ADDRESS. Returns the length.
  public static func writeSuccess(
    to transactionID: STUNMessage.TransactionID, mapped: Endpoint, key: STUNKey, into buffer: inout MutableRawSpan
  ) -> Int {
    var writer = STUNWriter(.bindingSuccess, transactionID, in: &buffer)
    writer.add(xorMappedAddress: mapped, in: &buffer)
    writer.finish(key: key, in: &buffer)
    return writer.byteCount
  }

  /// The errors that a check can earn (RFC 8489 §14.8).
  public enum Failure: Hashable, Sendable {
    /// 400: what is required is missing.
    case badRequest
    /// 420, naming a comprehension-required attribute that we do not know.
    case unknownAttribute(UInt16)
    /// 487: both sides are in one role, and the peer has to change (RFC 8445 §7.3.1.1).
    case roleConflict

    fileprivate var code: Int {
      switch self {
      case .badRequest: 400
      case .unknownAttribute: 420
      case .roleConflict: 487
      }
    }

    fileprivate var reason: StaticString {
      switch self {
      case .badRequest: "Bad Request"
      case .unknownAttribute: "Unknown Attribute"
      case .roleConflict: "Role Conflict"
      }
    }
  }

  /// Returns the length.
  public static func writeFailure(
    _ failure: Failure, to transactionID: STUNMessage.TransactionID, key: STUNKey, into buffer: inout MutableRawSpan
  ) -> Int {
    var writer = STUNWriter(.bindingError, transactionID, in: &buffer)
    let code: [UInt8] = [0, 0, UInt8(failure.code / 100), UInt8(failure.code % 100)]
    writer.add(.errorCode, code + Array("\(failure.reason)".utf8), in: &buffer)
    if case .unknownAttribute(let type) = failure {
      writer.add(.unknownAttributes, [UInt8(type >> 8), UInt8(type & 0xFF)], in: &buffer)
    }
    writer.finish(key: key, in: &buffer)
    return writer.byteCount
  }
}
