/// The parts of a SIP URI that tell where a request goes (RFC 3261 §19.1), for comparing two spellings of one.
struct SIPURIText: Hashable, Sendable {
  /// `sip`, or `sips`.
  let scheme: String
  /// With password, as written. Empty when absent.
  let user: String
  /// Lower case, with the brackets of an IPv6 address.
  let host: String
  /// Empty, or digits.
  let port: String

  /// Parameters and headers are left out: proxies add and remove them.
  init(_ text: String) {
    var rest = Substring(text)
    if rest.hasPrefix("<"), let end = rest.firstIndex(of: ">") { rest = rest[rest.index(after: rest.startIndex)..<end] }
    let colon = rest.firstIndex(of: ":") ?? rest.startIndex
    scheme = rest[..<colon].lowercased()
    rest = rest[colon...].dropFirst()
    if let at = rest.lastIndex(of: "@") {
      user = String(rest[..<at].prefix { $0 != ";" })
      rest = rest[rest.index(after: at)...]
    } else {
      user = ""
    }
    let address = rest.prefix { $0 != ";" && $0 != "?" }
    let hostEnd = address.lastIndex(of: "]") ?? address.startIndex
    let portColon = address[hostEnd...].firstIndex(of: ":") ?? address.endIndex
    host = address[..<portColon].lowercased()
    port = String(address[portColon...].dropFirst())
  }

  /// Same user and host, and the same port unless one names none.
  func fits(_ other: SIPURIText) -> Bool {
    let isSamePort = port == other.port || port.isEmpty || other.port.isEmpty
    return scheme == other.scheme && user == other.user && host == other.host && !host.isEmpty && isSamePort
  }
}
