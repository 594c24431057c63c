import SwiftProtobuf

/// How a signalling message travels: binary frames hold protobuf, text frames its JSON form.
public enum SignalCoding: Hashable, Sendable {
  case protobuf
  case json

  private static var jsonOptions: JSONDecodingOptions {
    var options = JSONDecodingOptions()
    options.ignoreUnknownFields = true
    return options
  }

  /// Nil when the bytes are not a message of this type.
  public func decode<M: Message>(_ bytes: [UInt8], as type: M.Type = M.self) -> M? {
    switch self {
    case .protobuf: try? M(serializedBytes: bytes)
    case .json: try? M(jsonUTF8Bytes: bytes, options: Self.jsonOptions)
    }
  }

  /// Nil for a message that has no such form, which none of ours is.
  public func encode(_ message: some Message) -> [UInt8]? {
    switch self {
    case .protobuf: try? message.serializedBytes()
    case .json: try? message.jsonUTF8Bytes()
    }
  }
}
