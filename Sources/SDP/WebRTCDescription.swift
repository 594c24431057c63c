import Base

/// The hash of a DTLS certificate (RFC 8122 §5).
public struct Fingerprint: Hashable, Sendable {
  /// Lower case: `sha-256`.
  public var algorithm: String
  public var digest: [UInt8]

  public init(algorithm: String = "sha-256", digest: [UInt8]) {
    self.algorithm = algorithm
    self.digest = digest
  }

  /// Parses `sha-256 AB:CD:…`. Nil when it is not that, or when a hash we know has another length.
  public init?(_ text: String) {
    let halves = text.split(separator: " ")
    guard halves.count == 2 else { return nil }
    let pairs = halves[1].split(separator: ":", omittingEmptySubsequences: false)
    var digest: [UInt8] = []
    for pair in pairs {
      guard pair.utf8.count == 2, pair.first != "+", pair.first != "-", let byte = UInt8(pair, radix: 16) else {
        return nil
      }
      digest.append(byte)
    }
    let algorithm = halves[0].lowercased()
    let lengths = ["sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64]
    guard (16...64).contains(digest.count), lengths[algorithm, default: digest.count] == digest.count else {
      return nil
    }
    self.init(algorithm: algorithm, digest: digest)
  }
}

extension Fingerprint: CustomStringConvertible {
  public var description: String {
    let digits = Array("0123456789ABCDEF".utf8)
    var text = Array("\(algorithm) ".utf8)
    for (index, byte) in digest.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ":")) }
      text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// `ice-ufrag` and `ice-pwd` (RFC 8839 §5.4).
public struct ICECredentials: Hashable, Sendable {
  public var usernameFragment: String
  public var password: String

  public init(usernameFragment: String, password: String) {
    self.usernameFragment = usernameFragment
    self.password = password
  }
}

/// Who starts DTLS (RFC 8842 §5): `active` is the client.
public enum DTLSSetup: String, Hashable, Sendable {
  case actpass, active, passive, holdconn
}

/// A WebRTC peer's offer or answer, read section by section (RFC 9429, RFC 8843).
public struct WebRTCDescription: Hashable, Sendable {
  /// The mids of the BUNDLE group, in order.
  public let bundle: [String]
  public let isICELite: Bool
  public let sections: [WebRTCSection]

  /// Parses an offer or an answer. What every section shares is given to each, wherever it was written.
  public init(parsing text: String, limits: SDPLimits = .webRTC) throws(SDPError) {
    try self.init(SessionDescription(parsing: text, limits: limits))
  }

  public init(_ description: SessionDescription) throws(SDPError) {
    let groups = description.attributes.values("group").map { $0.split(separator: " ").map(String.init) }
    bundle = groups.first { $0.first == "BUNDLE" }.map { Array($0.dropFirst()) } ?? []
    isICELite = description.attributes.contains("ice-lite")
    var sections: [WebRTCSection] = []
    var mids: Set<String> = []
    let bundled = Set(bundle)
    for (index, media) in description.media.enumerated() {
      let section = try WebRTCSection(media, index: index, bundle: bundled, in: description)
      guard mids.insert(section.mid).inserted else { throw SDPError(.malformed, "mid \(section.mid) is there twice") }
      sections.append(section)
    }
    for mid in bundle where !mids.contains(mid) { throw SDPError(.malformed, "BUNDLE names \(mid), no section does") }
    self.sections = sections
    guard let transport else { return }
    // One transport carries everything: a section that disagrees would be silently dead.
    for section in sections where section.isBundled && section.ice != nil && section.ice != transport.ice {
      throw SDPError(.malformed, "mid \(section.mid) has other ICE credentials than its BUNDLE")
    }
  }

  /// The section whose transport all bundled sections use: the first of the group that has one.
  var transport: WebRTCSection? {
    for mid in bundle { if let section = section(mid: mid), section.ice != nil, !section.isRejected { return section } }
    return sections.first { $0.ice != nil && !$0.isRejected }
  }

  public func section(mid: String) -> WebRTCSection? { sections.first { $0.mid == mid } }

  /// The credentials of the one transport. Nil when no section has any.
  public var ice: ICECredentials? { transport?.ice }
  /// Any of these may be the peer's certificate.
  public var fingerprints: [Fingerprint] { transport?.fingerprints ?? [] }
  public var setup: DTLSSetup? { transport?.setup }
  /// How the one transport can be reached, as far as the description tells.
  public var candidates: [ICECandidate] { transport?.candidates ?? [] }
  /// The section of the data channels, unless refused.
  public var application: WebRTCSection? { sections.first { $0.kind == .application && !$0.isRejected } }

  /// New credentials in a later description of the same peer connection ask for an ICE restart (RFC 8839 §4.4.1.1.1).
  public func restartsICE(since previous: WebRTCDescription) -> Bool {
    guard let ice, let before = previous.ice else { return false }
    return ice != before
  }
}
