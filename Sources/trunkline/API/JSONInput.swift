import Foundation
import LiveKitProtocol
import SwiftProtobuf

/// JSON given as a file's name, as `-` for standard input, or as itself.
struct JSONInput {
  /// For messages: the file's name.
  let name: String
  private let bytes: [UInt8]
  private let members: Set<String>

  init(_ argument: String) throws(CommandFailure) {
    let data: Data?
    if argument.drop(while: \.isWhitespace).first == "{" {
      name = "JSON"
      data = Data(argument.utf8)
    } else if argument == "-" {
      name = "standard input"
      data = try? FileHandle.standardInput.readToEnd() ?? Data()
    } else {
      name = argument
      data = try? Data(contentsOf: URL(filePath: argument))
    }
    guard let data else { throw CommandFailure(.usage, "trunkline: \(name): there is no such file") }
    guard let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] else {
      throw CommandFailure(.usage, "trunkline: \(name): expected a JSON object")
    }
    bytes = Array(data)
    members = Set(object.keys)
  }

  /// Names in snake_case or camelCase. Fields that do not exist are told of on standard error and left out, as `lk` does.
  func message<M: Message>(_ type: M.Type = M.self) throws(CommandFailure) -> M {
    do {
      return try M(jsonUTF8Bytes: bytes)
    } catch JSONDecodingError.unknownField(let field) {
      FileHandle.standardError.write(Data("warning: \(name): \(field.singleLine) is no field of it\n".utf8))
    } catch {
      throw mismatch(type)
    }
    do {
      return try ProtobufJSON.decode(type, from: bytes)
    } catch {
      throw mismatch(type)
    }
  }

  /// Whether the object has one of these members: files hold a request, or the thing that it is about.
  func has(_ names: String...) -> Bool { !members.isDisjoint(with: names) }

  private func mismatch(_ type: any Message.Type) -> CommandFailure {
    CommandFailure(.usage, "trunkline: \(name): a value is not what its field in \(type.protoMessageName) takes")
  }
}
