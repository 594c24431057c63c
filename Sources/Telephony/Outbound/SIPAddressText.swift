import Base

/// A SIP URI in parts, read from text that a program wrote and written so that no part can break out of its place
/// (RFC 3261 §19.1 and §25.1).
struct SIPAddressText: Hashable, Sendable {
  static let lengthLimit = 1024

  /// `sip` or `sips`.
  var scheme = "sip"
  /// Unescaped.
  var user: String
  var host: SIPHostPort
  /// Without the leading semicolon, as written.
  var parameters = ""
  /// Without the question mark, as written.
  var headers = ""

  init(user: String, host: SIPHostPort, parameters: String = "") {
    self.user = user
    self.host = host
    self.parameters = parameters
  }

  /// Parses `sip:[user@]host[:port][;parameters][?headers]`. Nil for what is no such URI, lacks a user that it needs, or
  /// holds white space, control characters, quotes, commas in its parameters, or angle brackets.
  init?(_ text: some StringProtocol, needsUser: Bool = true) {
    guard text.utf8.count <= Self.lengthLimit, text.unicodeScalars.allSatisfy(Self.isPlain) else { return nil }
    guard let colon = text.firstIndex(of: ":") else { return nil }
    scheme = text[..<colon].lowercased()
    guard scheme == "sip" || scheme == "sips" else { return nil }
    let rest = text[colon...].dropFirst()
    // The first @ ends the user, which escapes its own; headers may hold others.
    let at = rest.firstIndex(of: "@")
    guard let user = at.map({ Self.unescaped(rest[..<$0]) }) ?? "", !user.isEmpty || !needsUser && at == nil else {
      return nil
    }
    let tail = at.map { rest[$0...].dropFirst() } ?? rest
    let hostEnd = tail.firstIndex { $0 == ";" || $0 == "?" } ?? tail.endIndex
    guard let host = SIPHostPort(String(tail[..<hostEnd])) else { return nil }
    let question = tail.firstIndex(of: "?") ?? tail.endIndex
    self.user = user
    self.host = host
    parameters = hostEnd < question ? String(tail[hostEnd..<question].dropFirst()) : ""
    headers = question < tail.endIndex ? String(tail[question...].dropFirst()) : ""
    guard !parameters.utf8.contains(UInt8(ascii: ",")) else { return nil }
  }

  /// The value of a parameter in lower case, empty for a flag. Nil when it is absent.
  func parameter(_ name: String) -> String? {
    for item in parameters.split(separator: ";") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts[0].lowercased() == name { return parts.count == 2 ? parts[1].lowercased() : "" }
    }
    return nil
  }

  /// The URI, escaped where that is needed.
  var uri: String {
    "\(scheme):\(Self.escaped(user))@\(host)" + (parameters.isEmpty ? "" : ";\(parameters)")
      + (headers.isEmpty ? "" : "?\(headers)")
  }

  /// `"Display" <uri>`, or `<uri>` without a name.
  func nameAddress(displayName: String) -> String {
    displayName.isEmpty ? "<\(uri)>" : "\(Self.quoted(displayName)) <\(uri)>"
  }

  /// A quoted-string (RFC 3261 §25.1).
  static func quoted(_ text: String) -> String {
    var result = "\""
    for character in text {
      if character == "\"" || character == "\\" { result.append("\\") }
      result.append(character)
    }
    return result + "\""
  }

  /// The `user` production: everything outside it becomes `%XX`.
  static func escaped(_ user: String) -> String {
    var bytes: [UInt8] = []
    for byte in user.utf8 {
      if isUserCharacter(byte) {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        bytes += Array(Digest.hexadecimal([byte]).uppercased().utf8)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Nil when an escape is broken, or the result is no UTF-8.
  static func unescaped(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2,
        let value = Digest.bytes(hexadecimal: String(decoding: rest.prefix(2), as: UTF8.self))
      else { return nil }
      bytes += value
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func isUserCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: userMarks.contains(byte)
    }
  }

  private static let userMarks = Array("-_.!~*'()&=+$,;?/".utf8)

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value > 0x20 && !(0x7F...0xA0).contains(scalar.value) && scalar != "<" && scalar != ">" && scalar != "\""
  }
}

/// `"Display" <sip:user@host>`, `Display <…>`, `<…>` or a bare URI: what a program writes for From or To.
struct SIPNameAddress: Hashable, Sendable {
  var displayName: String
  var address: SIPAddressText
}

extension SIPNameAddress {
  /// Nil for what is none of these, and for header parameters, such as a tag.
  init?(_ text: String) {
    let text = text.trimmingBlanks
    guard let open = text.lastIndex(of: "<") else {
      // Without brackets, what follows a semicolon belongs to the header (RFC 3261 §20.10).
      guard let address = SIPAddressText(text), address.parameters.isEmpty, address.headers.isEmpty else { return nil }
      displayName = ""
      self.address = address
      return
    }
    guard text.last == ">", let address = SIPAddressText(text[open...].dropFirst().dropLast()),
      let name = Self.displayName(text[..<open].trimmingBlanks)
    else { return nil }
    displayName = name
    self.address = address
  }

  /// A quoted-string, or tokens. Nil for anything else.
  private static func displayName(_ text: Substring) -> String? {
    guard text.first == "\"" else {
      let isTokens = text.utf8.allSatisfy { HeaderSyntax.isTokenCharacter($0) || $0 == UInt8(ascii: " ") }
      return isTokens ? String(text) : nil
    }
    guard text.count >= 2, text.last == "\"" else { return nil }
    var name = ""
    var isEscaped = false
    for character in text.dropFirst().dropLast() {
      if !isEscaped, character == "\\" {
        isEscaped = true
        continue
      }
      if !isEscaped, character == "\"" { return nil }
      isEscaped = false
      name.append(character)
    }
    return isEscaped ? nil : name
  }
}

extension StringProtocol {
  /// Without blanks and tabs at both ends.
  var trimmingBlanks: SubSequence {
    var text = self[...]
    while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
    while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
    return text
  }
}
