import Base

/// Hash of a digest exchange (RFC 7616 §3.3).
public enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable {
  case md5 = "MD5"
  case sha256 = "SHA-256"

  func hash(_ text: String) -> [UInt8] {
    switch self {
    case .md5: Digest.md5(Array(text.utf8))
    case .sha256: Digest.sha256(Array(text.utf8))
    }
  }

  var byteCount: Int { self == .md5 ? 16 : 32 }

  /// RFC 7616 §3.4.1 with `qop=auth`, or RFC 2069's form without a quality of protection.
  func response(
    username: String, realm: String, password: String, method: String, uri: String, nonce: String,
    quality: (count: String, clientNonce: String)?
  ) -> [UInt8] {
    func hexadecimal(_ text: String) -> String { Digest.hexadecimal(hash(text)) }
    let secret = hexadecimal("\(username):\(realm):\(password)")
    let request = hexadecimal("\(method):\(uri)")
    let middle = quality.map { "\($0.count):\($0.clientNonce):auth:" } ?? ""
    return hash("\(secret):\(nonce):\(middle)\(request)")
  }
}

/// What a digest answers for: the trunk's secret and the request it came with.
public struct DigestContext: Hashable, Sendable {
  public var username: String
  public var password: String
  public var realm: String
  public var method: String
  /// URIs that the credentials may name: the Request-URI, and To's, which a proxy may have rewritten.
  public var uris: [String]
  public var source: IPAddress?

  public init(
    username: String, password: String, realm: String, method: String = "INVITE", uris: [String],
    source: IPAddress? = nil
  ) {
    self.username = username
    self.password = password
    self.realm = realm
    self.method = method
    self.uris = uris
    self.source = source
  }
}

/// What to do with a request that needs credentials.
public enum DigestVerdict: Hashable, Sendable {
  case accepted
  /// 407 with one Proxy-Authenticate header for each value, in this order.
  case challenge([String], DigestFault)
  /// 403: wrong again after another challenge.
  case refused(DigestFault)
}

/// What was wrong with the credentials.
public enum DigestFault: String, Sendable, Hashable, CaseIterable {
  /// There were none for our realm.
  case missing
  case malformed
  /// Another algorithm or quality of protection than was offered.
  case unsupported
  /// Not a nonce of ours, or one for another realm or source.
  case unknownNonce = "unknown-nonce"
  /// Right, but the nonce is too old: the phone may try again without asking anyone.
  case stale
  /// This nonce and count were used before.
  case replayed
  /// User name, password or URI.
  case wrong
}
