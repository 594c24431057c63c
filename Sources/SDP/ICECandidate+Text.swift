import Base

/// `candidate` of RFC 8839 §5.1, with `tcptype` of RFC 6544 §4.5:
///
///     candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host
///     candidate:2 1 tcp 1671430143 192.0.2.1 7881 typ host tcptype passive
///     candidate:3 1 udp 16777215 203.0.113.1 50000 typ relay raddr 192.0.2.1 rport 7882
extension ICECandidate {
  /// Longer text is no candidate.
  public static let maximumTextByteCount = 512
  private static let prefix = "candidate:"

  /// Takes the value of the attribute, with or without `candidate:` before it. Nil for anything else, for a host name
  /// in place of an address (mDNS), and for transports other than UDP and TCP. Unknown extensions are passed over.
  public init?(parsing text: some StringProtocol) {
    guard text.utf8.count <= Self.maximumTextByteCount else { return nil }
    let value =
      text.hasPrefix(Self.prefix) ? text[text.index(text.startIndex, offsetBy: Self.prefix.count)...] : text[...]
    let fields = value.split(separator: " ")
    guard fields.count >= 8, (1...32).contains(fields[0].utf8.count), let component = Int(fields[1]),
      (1...256).contains(component), let priority = UInt32(fields[3]), let address = IPAddress(fields[4]),
      let port = UInt16(fields[5]), fields[6] == "typ", let kind = Kind(name: fields[7])
    else { return nil }
    let extensions = Self.extensions(fields[8...])
    guard let transport = TransportProtocol(name: fields[2], tcpType: extensions["tcptype"]) else { return nil }
    self.init(
      foundation: String(fields[0]), component: component, transport: transport, priority: priority,
      endpoint: Endpoint(address, port), kind: kind)
    if let text = extensions["raddr"], let address = IPAddress(text) {
      related = Endpoint(address, extensions["rport"].flatMap { UInt16($0) } ?? 0)
    }
  }

  /// The value of the attribute, without `candidate:`.
  public var attributeValue: String {
    var text =
      "\(foundation) \(component) \(transport.name) \(priority) \(endpoint.address) \(endpoint.port) typ \(kind.name)"
    if let related { text += " raddr \(related.address) rport \(related.port)" }
    if let type = transport.tcpType { text += " tcptype \(type)" }
    return text
  }

  private static func extensions<Text: StringProtocol>(_ fields: ArraySlice<Text>) -> [String: Text] {
    var extensions: [String: Text] = [:]
    for index in stride(from: fields.startIndex, to: fields.endIndex - 1, by: 2) {
      extensions[String(fields[index])] = fields[index + 1]
    }
    return extensions
  }
}

extension ICECandidate.Kind {
  fileprivate init?(name: some StringProtocol) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }

  /// `typ` of the attribute.
  public var name: String {
    switch self {
    case .host: "host"
    case .serverReflexive: "srflx"
    case .peerReflexive: "prflx"
    case .relayed: "relay"
    }
  }
}

extension ICECandidate.TransportProtocol {
  /// TCP without a type is what the first implementations wrote for passive.
  fileprivate init?(name: some StringProtocol, tcpType: (some StringProtocol)?) {
    switch (name.lowercased(), tcpType.map { String($0) }) {
    case ("udp", nil): self = .udp
    case ("tcp", "active"): self = .tcpActive
    case ("tcp", "passive"), ("tcp", nil): self = .tcpPassive
    case ("tcp", "so"): self = .tcpSimultaneousOpen
    default: return nil
    }
  }

  fileprivate var name: String { self == .udp ? "udp" : "tcp" }

  fileprivate var tcpType: String? {
    switch self {
    case .udp: nil
    case .tcpActive: "active"
    case .tcpPassive: "passive"
    case .tcpSimultaneousOpen: "so"
    }
  }
}
