extension SessionDescription: CustomStringConvertible {
  /// The description as it goes on the wire, every line ended by CRLF.
  public var description: String {
    var text = "v=0\r\n"
    text += "o=\(origin.username) \(origin.sessionID) \(origin.version) \(origin.address)\r\n"
    text += "s=\(sessionName)\r\n"
    if let connection { text += "c=\(connection)\r\n" }
    text += "t=0 0\r\n"
    for attribute in attributes { text += "a=\(attribute)\r\n" }
    for section in media {
      text += "m=\(section.kind) \(section.port) \(section.transport) \(section.formats.joined(separator: " "))\r\n"
      if let connection = section.connection { text += "c=\(connection)\r\n" }
      for attribute in section.attributes { text += "a=\(attribute)\r\n" }
    }
    return text
  }
}

extension ConnectionAddress: CustomStringConvertible {
  public var description: String { "IN \(isIPv6 ? "IP6" : "IP4") \(host)" }
}

extension SDPAttribute: CustomStringConvertible {
  public var description: String { value.map { "\(name):\($0)" } ?? name }
}
