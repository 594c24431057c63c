import Telephony

/// The three tables that join SIP headers and participant attributes.
enum HeaderTables {
  /// Header → fixed value.
  static func headers(_ section: Section, _ key: String) -> [String: String] {
    let value = ValueFormat<String>("expected at most 1,024 bytes without control characters") { (text: String) in
      HeaderSyntax.isValue(text) ? text : nil
    }
    let pairs = section.pairs(key, of: value) ?? []
    for (name, _) in pairs {
      if HeaderSyntax.isReserved(name) { section.refuse(key, "the SIP stack writes \(name) itself") }
      if !HeaderSyntax.isName(name) { section.refuse(key, "\(name) is not a header name") }
    }
    return pairs.dictionary
  }

  static func headersToAttributes(_ section: Section) -> [String: String] {
    let pairs = section.pairs("headers_to_attributes", of: .nonEmptyText) ?? []
    for (name, _) in pairs where !HeaderSyntax.isName(name) {
      section.refuse("headers_to_attributes", "\(name) is not a header name")
    }
    return pairs.dictionary
  }

  static func attributesToHeaders(_ section: Section) -> [String: String] {
    let header = ValueFormat<String>("expected a header name") { (text: String) in
      HeaderSyntax.isName(text) ? text : nil
    }
    return (section.pairs("attributes_to_headers", of: header) ?? []).dictionary
  }
}
