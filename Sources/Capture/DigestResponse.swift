/// A challenge of a digest exchange, as a caller reads it (RFC 7616 §3.3, RFC 3261 §22).
public struct DigestChallenge: Hashable, Sendable {
  public enum Algorithm: String, Hashable, Sendable, CaseIterable {
    case md5 = "MD5"
    case sha256 = "SHA-256"
  }

  public let realm: String
  public let nonce: String
  public let algorithm: Algorithm
  public let opaque: String?
  /// The challenge offers `qop=auth`. Without it the answer has the form of RFC 2069.
  public let offersAuth: Bool
  public let isStale: Bool
  /// The header the answer goes into: `Proxy-Authorization` to a 407, `Authorization` to a 401.
  public let answerHeader: String

  /// The challenge of a 401 or 407 to answer: SHA-256 before MD5. Nil when there is none that we can answer.
  public init?(_ response: SIPMessage) {
    let isProxy = response.status == 407
    let values = response.values(isProxy ? "Proxy-Authenticate" : "WWW-Authenticate")
    let challenges = values.compactMap {
      DigestChallenge($0, answerHeader: isProxy ? "Proxy-Authorization" : "Authorization")
    }
    guard let best = challenges.first(where: { $0.algorithm == .sha256 }) ?? challenges.first else { return nil }
    self = best
  }

  private init?(_ value: String, answerHeader: String) {
    let fields = Self.fields(value)
    guard value.lowercased().hasPrefix("digest "), let realm = fields["realm"], let nonce = fields["nonce"],
      let algorithm = Algorithm(rawValue: (fields["algorithm"] ?? "MD5").uppercased())
    else { return nil }
    self.realm = realm
    self.nonce = nonce
    self.algorithm = algorithm
    self.answerHeader = answerHeader
    opaque = fields["opaque"]
    offersAuth = fields["qop"]?.split(separator: ",").contains { SIPValue.trimmed($0).lowercased() == "auth" } ?? false
    isStale = fields["stale"]?.lowercased() == "true"
  }

  /// The fields of a challenge or of credentials, names in lower case, quotes taken off.
  public static func fields(_ value: String) -> [String: String] {
    var fields: [String: String] = [:]
    var rest = value.drop { $0 != " " }
    while let equals = rest.firstIndex(of: "="), fields.count < 32 {
      let name = SIPValue.trimmed(rest[..<equals]).lowercased()
      rest = rest[rest.index(after: equals)...]
      if rest.first == "\"" {
        let inner = rest.dropFirst()
        let close = inner.firstIndex(of: "\"") ?? inner.endIndex
        fields[name] = String(inner[..<close])
        rest = inner[close...].drop { $0 != "," }.dropFirst()
      } else {
        let comma = rest.firstIndex(of: ",") ?? rest.endIndex
        fields[name] = SIPValue.trimmed(rest[..<comma])
        rest = rest[comma...].dropFirst()
      }
    }
    return fields
  }

  /// The header value that answers the challenge. `hash` gives the bytes of a digest; it needs a library.
  public func answer(
    username: String, password: String, method: String, uri: String, clientNonce: String, count: UInt32,
    hash: (Algorithm, [UInt8]) -> [UInt8]
  ) -> String {
    func hex(_ text: String) -> String {
      let digits = Array("0123456789abcdef".utf8)
      let bytes = hash(algorithm, Array(text.utf8))
      return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
    let secret = hex("\(username):\(realm):\(password)")
    let request = hex("\(method):\(uri)")
    let hexCount = String(count, radix: 16)
    let nc = String(repeating: "0", count: max(0, 8 - hexCount.count)) + hexCount
    let response =
      offersAuth ? hex("\(secret):\(nonce):\(nc):\(clientNonce):auth:\(request)") : hex("\(secret):\(nonce):\(request)")
    var value = "Digest username=\"\(username)\", realm=\"\(realm)\", nonce=\"\(nonce)\", uri=\"\(uri)\""
    value += ", response=\"\(response)\", algorithm=\(algorithm.rawValue)"
    if offersAuth { value += ", qop=auth, nc=\(nc), cnonce=\"\(clientNonce)\"" }
    if let opaque { value += ", opaque=\"\(opaque)\"" }
    return value
  }
}
