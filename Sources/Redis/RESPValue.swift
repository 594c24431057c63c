/// One reply of Redis (RESP 2).
enum RESPValue: Hashable, Sendable {
  case string([UInt8])
  case status(String)
  case error(String)
  case integer(Int64)
  case array([RESPValue])
  case null

  var text: String? {
    switch self {
    case .string(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  var elements: [RESPValue]? { if case .array(let values) = self { values } else { nil } }
  var errorText: String? { if case .error(let text) = self { text } else { nil } }
}

/// Why what Redis sent cannot be used.
struct RedisFault: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
