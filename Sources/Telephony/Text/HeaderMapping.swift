/// SIP headers as participant attributes, and back.
public enum HeaderMapping {
  /// Headers of one INVITE that may become attributes; the rest is dropped.
  public static let headerLimit = 128

  /// Headers of known providers, `include_headers`, then `headers_to_attributes`, which goes before both.
  public static func attributes(
    from headers: [CallFacts.Header], inclusion: HeaderInclusion, mapping: [String: String]
  ) -> [String: String] {
    let mapping = [String: String](mapping.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
    var included: [String: String] = [:]
    var mapped: [String: String] = [:]
    for header in headers.prefix(headerLimit) {
      let name = header.name.lowercased()
      if let attribute = builtIn[name] { insert(header.value, as: attribute, into: &included) }
      if includes(name, inclusion) { insert(header.value, as: SIPAttribute.headerPrefix + name, into: &included) }
      if let attribute = mapping[name] { insert(header.value, as: attribute, into: &mapped) }
    }
    return included.merging(mapped) { $1 }
  }

  /// Attributes as headers (`attributes_to_headers`). A missing attribute, a value that no header may hold, and a header
  /// that the stack writes itself are left out: participants can write attributes.
  public static func headers(from attributes: [String: String], mapping: [String: String]) -> [CallFacts.Header] {
    mapping.sorted { $0.key < $1.key }.compactMap { attribute, name in
      guard let value = attributes[attribute], HeaderSyntax.isName(name), HeaderSyntax.isValue(value),
        !HeaderSyntax.isOwnedByStack(name)
      else {
        return nil
      }
      return CallFacts.Header(name, value)
    }
  }

  /// A header that comes twice counts once, with its first value.
  private static func insert(_ value: String, as attribute: String, into attributes: inout [String: String]) {
    if attributes[attribute] == nil { attributes[attribute] = value }
  }

  private static func includes(_ lowercasedName: String, _ inclusion: HeaderInclusion) -> Bool {
    switch inclusion {
    case .none: false
    case .x: lowercasedName.hasPrefix("x-")
    case .all: true
    }
  }

  private static let builtIn = [
    "x-twilio-accountsid": "sip.twilio.accountSid",
    "x-twilio-callsid": "sip.twilio.callSid",
    "x-call_leg_id": "sip.telnyx.callLegID",
    "x-call_session_id": "sip.telnyx.callSessionID",
    "x-amzn-connectcontactid": "sip.amazon.contactId",
    "x-amzn-connectinitialcontactid": "sip.amazon.initialContactId",
    "x-amzn-sourceaccount": "sip.amazon.sourceAccount",
    "x-amzn-sourcearn": "sip.amazon.sourceArn",
    "x-amzn-targetarn": "sip.amazon.targetArn",
    "x-lk-test-id": "lktest.id",
  ]
}

/// What may be written into a SIP message by way of configuration or attributes.
public enum HeaderSyntax {
  /// A header name: 1–255 characters of RFC 3261's `token`.
  public static func isName(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count) && name.utf8.allSatisfy(isTokenCharacter)
  }

  /// A header value: at most 1,024 bytes without control characters.
  public static func isValue(_ value: String) -> Bool {
    value.utf8.count <= 1024
      && value.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }

  /// Whether LiveKit forbids the header in its tables of fixed headers.
  public static func isReserved(_ name: String) -> Bool { reserved.contains(name.lowercased()) }

  /// Whether the stack writes this header itself, so that nobody else may: a second To or Via breaks the message.
  static func isOwnedByStack(_ name: String) -> Bool {
    isReserved(name) || ["to", "via", "route", "authorization", "proxy-authorization"].contains(name.lowercased())
  }

  static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: tokenMarks.contains(byte)
    }
  }

  private static let tokenMarks = Array("-.!%*_+`'~".utf8)

  private static let reserved: Set<String> = [
    "accept", "accept-encoding", "accept-language", "allow", "allow-events", "call-id", "contact", "content-encoding",
    "content-length", "content-type", "cseq", "event", "expires", "from", "max-forwards", "record-route", "refer-to",
    "reply-to", "k", "l", "m", "o", "r", "t", "u", "v",
  ]
}
