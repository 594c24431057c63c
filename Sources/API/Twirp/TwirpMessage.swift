/// One HTTP request to `/twirp/…`, or to any path when it is to be told that this is none.
public struct TwirpRequest: Sendable {
  public var method: String
  public var path: String
  public var contentType: String
  /// The Authorization header; empty when there is none.
  public var authorization: String
  public var body: [UInt8]

  public init(method: String, path: String, contentType: String, authorization: String, body: [UInt8]) {
    self.method = method
    self.path = path
    self.contentType = contentType
    self.authorization = authorization
    self.body = body
  }
}

public struct TwirpResponse: Sendable, Equatable {
  public var status: Int
  public var contentType: String
  /// Sentences for the response header `Trunkline-Warning`, on what was done but is likely not meant.
  public var warnings: [String] = []
  public var body: [UInt8]

  public init(status: Int, contentType: String, warnings: [String] = [], body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.warnings = warnings
    self.body = body
  }

  /// Errors are JSON whatever the request was.
  public init(_ error: TwirpError) {
    self.init(status: error.code.httpStatus, contentType: TwirpCoding.json.contentType, body: error.json)
  }
}

/// Which of its two forms a message travels in; the answer takes the form of the request.
enum TwirpCoding {
  case json, protobuf

  /// Nil for a content type that is neither. Parameters such as `charset` are not looked at.
  init?(contentType: String) {
    let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
    switch type {
    case "application/json": self = .json
    case "application/protobuf": self = .protobuf
    default: return nil
    }
  }

  var contentType: String {
    switch self {
    case .json: "application/json"
    case .protobuf: "application/protobuf"
    }
  }
}

extension TwirpError {
  /// `{"code":…,"meta":{…},"msg":…}`
  var json: [UInt8] {
    let members = meta.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
    let meta = members.isEmpty ? "" : "\"meta\":{\(members.joined(separator: ","))},"
    return Array("{\"code\":\"\(code.rawValue)\",\(meta)\"msg\":\(Self.quoted(message))}".utf8)
  }

  /// A JSON string (RFC 8259 §7).
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
