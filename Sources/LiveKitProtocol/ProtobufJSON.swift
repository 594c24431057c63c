import FoundationEssentials
import SwiftProtobuf

/// Messages as JSON the way Twirp servers write it: names as in the `.proto` files, fields that are not set too
/// (livekit-wire 4.1). `null` stands for a message that is not set; members of a oneof and optional fields are left out.
public enum ProtobufJSON {
  public static func encode(_ message: some Message) throws -> [UInt8] {
    var options = JSONEncodingOptions()
    options.preserveProtoFieldNames = true
    let sparse = try JSONDecoder().decode(JSONValue.self, from: message.jsonUTF8Data(options: options))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try Array(encoder.encode(complete(sparse, as: type(of: message).protoMessageName)))
  }

  /// Names in either spelling; unknown fields and unknown names of enum values are ignored.
  public static func decode<M: Message>(_ type: M.Type, from bytes: [UInt8]) throws -> M {
    var options = JSONDecodingOptions()
    options.ignoreUnknownFields = true
    return try M(jsonUTF8Bytes: bytes, options: options)
  }

  private struct Field {
    let name: Substring
    /// Nil: the field is left out.
    let missing: JSONValue?
    /// What its value, or each of its values, is; nil for what is no message of ours.
    let message: Substring?
  }

  private static let fields = Dictionary(
    uniqueKeysWithValues: JSONFieldList.text.split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      return (words[0], words.dropFirst().map(field))
    })

  /// `name=kind` or `name=kind:detail`.
  private static func field(_ text: Substring) -> Field {
    let parts = text.split(separator: "=", maxSplits: 1)
    let kind = parts[1].split(separator: ":", maxSplits: 1)
    let detail = kind.count > 1 ? kind[1] : nil
    let missing: JSONValue? =
      switch kind[0] {
      case "text": .string("")
      case "bool": .bool(false)
      case "number": .integer(0)
      case "long": .string("0")
      case "enum": .string(String(detail ?? ""))
      case "list": .array([])
      case "map": .object([:])
      case "message": .null
      default: nil
      }
    return Field(name: parts[0], missing: missing, message: kind[0] == "enum" ? nil : detail)
  }

  private static func complete(_ value: JSONValue, as message: some StringProtocol) -> JSONValue {
    guard case .object(var members) = value, let fields = fields[Substring(message)] else { return value }
    for field in fields {
      let name = String(field.name)
      guard let present = members[name] else {
        members[name] = field.missing
        continue
      }
      guard let type = field.message else { continue }
      if case .array(let items) = present {
        members[name] = .array(items.map { complete($0, as: type) })
      } else {
        members[name] = complete(present, as: type)
      }
    }
    return .object(members)
  }
}
