/// Whom a call is transferred to: `sip:`, `sips:` or `tel:`, with or without angle brackets.
public struct ReferTarget: Hashable, Sendable, CustomStringConvertible {
  /// `sip:user@host`, without brackets, as written.
  public let uri: String
  /// User of a SIP URI without escapes, or number of a tel URI: what a bridge dials. Empty where the URI has none.
  public let user: String
  /// `host[:port]`. Empty for tel.
  public let host: String
  /// RFC 3891, when the URI's headers hold one: the target is asked to give this dialog up for the new call.
  public let replaces: ReplacesHeader?

  /// Value of the Refer-To header.
  public var headerValue: String { "<\(uri)>" }
  public var description: String { uri }

  /// Nil when it is none of the three, names nobody, or holds what no header may.
  public init?(_ text: String) {
    var text = text.trimmingBlanks
    if text.first == "<" {
      guard text.last == ">" else { return nil }
      text = text.dropFirst().dropLast()
    }
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let scheme = text[..<colon].lowercased()
    let rest = text[colon...].dropFirst()
    if scheme == "tel" {
      let number = rest.prefix { $0 != ";" }
      guard text.utf8.count <= SIPAddressText.lengthLimit, number.contains(where: \.isNumber),
        rest.utf8.allSatisfy(Self.isTelCharacter)
      else { return nil }
      uri = "tel:" + rest
      user = PhoneNumber.withoutSeparators(number.filter { $0 != "." })
      host = ""
      replaces = nil
      return
    }
    guard let address = SIPAddressText(text, needsUser: false) else { return nil }
    let header = Self.header("replaces", in: address.headers)
    replaces = header.flatMap { ReplacesHeader($0) }
    // A dialog that cannot be read must not turn into a call beside it.
    if header != nil, replaces == nil { return nil }
    uri = "\(scheme):\(rest)"
    user = address.user
    host = address.host.description
  }

  /// The other side of one of our own calls, which is asked to give that call up for the one that it gets
  /// (attended transfer).
  ///
  /// - Parameter contact: the other side's Contact URI.
  public init?(contact: String, replacing dialog: ReplacesHeader) {
    guard let address = SIPAddressText(contact.trimmingBlanks, needsUser: false) else { return nil }
    uri = "\(contact.trimmingBlanks.prefix { $0 != "?" })?Replaces=\(Self.escaped(dialog.description))"
    user = address.user
    host = address.host.description
    replaces = dialog
  }

  /// `SCL_…` when the target is one of our own calls, written `sip:SCL_…@` and any host: the consulted side of an
  /// attended transfer.
  public var consultedCallID: String? { user.hasPrefix("SCL_") ? user : nil }

  /// Without headers: what is dialled or shown.
  public var plainURI: String { String(uri.prefix { $0 != "?" }) }

  private static func header(_ name: String, in headers: String) -> String? {
    for item in headers.split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts[0].lowercased() == name { return parts.count == 2 ? SIPAddressText.unescaped(parts[1]) : "" }
    }
    return nil
  }

  /// `hvalue` (RFC 3261 §25.1).
  private static func escaped(_ value: String) -> String {
    var bytes: [UInt8] = []
    for byte in value.utf8 {
      if HeaderSyntax.isTokenCharacter(byte), byte != UInt8(ascii: "%"), byte != UInt8(ascii: "`") {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        bytes += Array(Digest.hexadecimal([byte]).uppercased().utf8)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func isTelCharacter(_ byte: UInt8) -> Bool {
    HeaderSyntax.isTokenCharacter(byte) || ";=:()#&$/?[]".utf8.contains(byte)
  }
}
