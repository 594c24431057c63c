import Base
import CSofia

/// Answers digest challenges (RFC 7616, MD5 with or without `qop=auth`): what SIP servers ask in practice.
enum DigestClient {
  /// The Authorization value for the first challenge that can be answered; nil when none can.
  static func authorization(
    _ challenges: [String], method: String, uri: String, _ credentials: SIPCredentials,
    clientNonce: String = GUID.make()
  ) -> String? {
    for challenge in challenges {
      guard let parameters = parameters(challenge), let realm = parameters["realm"], let nonce = parameters["nonce"],
        (parameters["algorithm"] ?? "MD5").uppercased() == "MD5"
      else { continue }
      let qualities = parameters["qop"]?.lowercased().split(separator: ",").map { $0.filter { $0 != " " } }
      if let qualities, !qualities.contains("auth") { continue }
      let secret = md5("\(credentials.username):\(realm):\(credentials.password)")
      let request = md5("\(method):\(uri)")
      var fields = ["username=\(quoted(credentials.username))", "realm=\(quoted(realm))", "nonce=\(quoted(nonce))"]
      fields.append("uri=\(quoted(uri))")
      if qualities != nil {
        let response = md5("\(secret):\(nonce):00000001:\(clientNonce):auth:\(request)")
        fields += ["response=\"\(response)\"", "qop=auth", "nc=00000001", "cnonce=\(quoted(clientNonce))"]
      } else {
        fields.append("response=\"\(md5("\(secret):\(nonce):\(request)"))\"")
      }
      fields.append("algorithm=MD5")
      if let opaque = parameters["opaque"] { fields.append("opaque=\(quoted(opaque))") }
      return "Digest " + fields.joined(separator: ", ")
    }
    return nil
  }

  /// Parameters of a `Digest` challenge by their names in lower case; nil for another scheme.
  static func parameters(_ challenge: String) -> [String: String]? {
    var rest = challenge.utf8[...]
    guard text(take(&rest) { $0 != space }).lowercased() == "digest" else { return nil }
    var parameters: [String: String] = [:]
    while !rest.isEmpty {
      _ = take(&rest) { $0 == space || $0 == comma || $0 == tab }
      let name = text(take(&rest) { $0 != equals && $0 != comma }).lowercased().filter { $0 != " " }
      guard rest.popFirst() == equals else { break }
      _ = take(&rest) { $0 == space }
      if rest.first == quote {
        rest = rest.dropFirst()
        parameters[name] = quotedValue(&rest)
      } else {
        parameters[name] = text(take(&rest) { $0 != comma && $0 != space })
      }
    }
    return parameters
  }

  private typealias Bytes = Substring.UTF8View

  private static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")
  private static let comma = UInt8(ascii: ",")
  private static let equals = UInt8(ascii: "=")
  private static let quote = UInt8(ascii: "\"")
  private static let backslash = UInt8(ascii: "\\")

  private static func take(_ rest: inout Bytes, while isWanted: (UInt8) -> Bool) -> Bytes {
    let taken = rest.prefix(while: isWanted)
    rest = rest[taken.endIndex...]
    return taken
  }

  private static func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }

  /// The text up to the closing quote, which is taken too.
  private static func quotedValue(_ rest: inout Bytes) -> String {
    var value: [UInt8] = []
    while let byte = rest.popFirst(), byte != quote {
      if byte == backslash, let next = rest.popFirst() { value.append(next) } else { value.append(byte) }
    }
    return String(decoding: value, as: UTF8.self)
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for character in text {
      if character == "\"" || character == "\\" { quoted.append("\\") }
      quoted.append(character)
    }
    return quoted + "\""
  }

  /// `su_md5`, in hexadecimal.
  static func md5(_ text: String) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 33) { buffer in
      text.withCString { csofia_md5($0, text.utf8.count, buffer.baseAddress) }
      return String(decoding: UnsafeRawBufferPointer(buffer).prefix(32), as: UTF8.self)
    }
  }
}
