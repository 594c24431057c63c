import Foundation
import LiveKitProtocol
import SwiftProtobuf

/// JSON given as a file's name, as `-` for standard input, or as itself.
struct JSONInput {
  /// For messages: the file's name.
  let name: String
  private let bytes: [UInt8]

  init(_ argument: String) throws(CommandFailure) {
    if argument.drop(while: \.isWhitespace).first == "{" {
      name = "JSON"
      bytes = Array(argument.utf8)
      return
    }
    name = argument == "-" ? "standard input" : argument
    let data =
      argument == "-"
      ? try? FileHandle.standardInput.readToEnd() : try? Data(contentsOf: URL(filePath: argument))
    guard let data else { throw CommandFailure(.usage, "trunkline: \(argument): there is no such file") }
    bytes = Array(data)
  }

  /// Names in snake_case or camelCase. Fields that do not exist are told of on standard error and left out, as `lk` does.
  func message<M: Message>(_ type: M.Type = M.self) throws(CommandFailure) -> M {
    do {
      return try M(jsonUTF8Bytes: bytes)
    } catch JSONDecodingError.unknownField(let field) {
      FileHandle.standardError.write(Data("warning: \(name): \(field.singleLine) is no field of it\n".utf8))
    } catch {
      throw CommandFailure(.usage, "trunkline: \(name): \(Self.sentence(error))")
    }
    do {
      return try ProtobufJSON.decode(type, from: bytes)
    } catch {
      throw CommandFailure(.usage, "trunkline: \(name): \(Self.sentence(error))")
    }
  }

  /// Whether the object has one of these members: files hold a request, or the thing that it is about.
  func has(_ names: String...) -> Bool {
    let object = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any]
    return names.contains { object?[$0] != nil }
  }

  private static func sentence(_ error: any Error) -> String {
    guard let error = error as? JSONDecodingError else { return "expected JSON" }
    return switch error {
    case .illegalNull, .malformedNumber, .numberRange, .malformedMap, .malformedBool, .malformedString, .invalidUTF8,
      .missingFieldNames, .schemaMismatch, .unrecognizedEnumValue, .malformedDuration, .malformedTimestamp:
      "a value is not of its field's kind (\(error))"
    default: "expected JSON: \(error)"
    }
  }
}
